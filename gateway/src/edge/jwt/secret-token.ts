/** Tokens that a tenant's own back end signs with the secret it shares with us: HS256, `tenant_id` names the tenant. */
import type { Caller } from '@cloister/identity';
import type { TenantAccess } from '@cloister/tenancy';
import { errors, jwtVerify } from 'jose';
import type { Access } from '../../directory/directory.ts';
import { grantedScopes } from './granted-scopes.ts';
import { clockTolerance, type UnverifiedToken } from './token.ts';

/** Verified against when the tenant has no secret, so that the answer takes as long as for a wrong signature. */
const nobody: NonNullable<TenantAccess['hs256']> = { secret: 'x'.repeat(32), scopes: [] };

/** Undefined for a token that is not valid. The secret is the named tenant's, so a token can only ever speak for its own tenant. */
export async function callerOfSecretToken({ text, claims }: UnverifiedToken, access: Access): Promise<Caller | undefined> {
  const tenant = claims['tenant_id'];
  if (typeof tenant !== 'string') return undefined;
  const known = access.byTenant(tenant)?.hs256;
  const grant = known ?? nobody;
  try {
    const { payload } = await jwtVerify(text, new TextEncoder().encode(grant.secret), {
      algorithms: ['HS256'],
      requiredClaims: ['exp', 'tenant_id'],
      clockTolerance,
    });
    return known ? { tenant, subject: `user:hs256|${payload.sub ?? ''}`, scopes: grantedScopes(grant, payload) } : undefined;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}
