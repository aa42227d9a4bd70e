/** Tokens of users, issued by the OIDC providers that tenants name. */
import type { Caller } from '@cloister/identity';
import type { TenantAccess } from '@cloister/tenancy';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { Access } from '../../directory/directory.ts';
import { grantedScopes, type Grant } from './granted-scopes.ts';
import { clockTolerance, type UnverifiedToken } from './token.ts';

/** Asymmetric only: with HS256 in this list, an issuer's public key would do as a shared secret. */
const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];

/** Keys of an issuer. Asked only for issuers that some tenant trusts, so strangers cannot make us fetch anything. */
export type IssuerKeys = (issuer: string) => Promise<JWTVerifyGetKey>;

interface Trust {
  readonly access: TenantAccess;
  readonly grant: Grant;
}

type Verify = (token: UnverifiedToken) => Promise<Caller | undefined>;

/** The verifier gives undefined for a token that is not valid, and rejects when the issuer's keys cannot be had. */
export function userTokens(directory: Access, issuerKeys: IssuerKeys): Verify {
  return async ({ text, algorithm, claims }) => {
    const { iss: issuer } = claims;
    if (typeof issuer !== 'string' || !algorithms.includes(algorithm)) return undefined;
    if (!directory.trustsIssuer(issuer)) return undefined;
    const keys = await issuerKeys(issuer);
    try {
      // Before it is asked whose it is: the time of an answer tells nobody which tenants trust this issuer, and what strangers write into a
      // token, thousands of audiences and claims, is not looked up.
      const { payload } = await jwtVerify(text, keys, { issuer, algorithms, clockTolerance, requiredClaims: ['exp', 'sub', 'aud'] });
      const trust = trustOf(directory, issuer, payload);
      return (
        trust && {
          tenant: trust.access.tenant,
          subject: `user:${issuer}|${payload.sub ?? ''}`,
          scopes: grantedScopes(trust.grant, payload),
        }
      );
    } catch (error) {
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) return undefined;
      throw error;
    }
  };
}

/**
 * The one tenant that a verified token is for: one that trusts its issuer for one of its audiences. A claim that names the tenant decides
 * first; else issuer and audience must belong to one tenant alone. A token that fits several tenants fits none.
 */
function trustOf(directory: Access, issuer: string, claims: JWTPayload): Trust | undefined {
  const audiences = [claims.aud ?? []].flat();
  const byClaim = audiences.flatMap((audience) =>
    Object.entries(claims).flatMap(([claim, value]) => {
      const access = typeof value === 'string' ? directory.byClaim(issuer, audience, claim, value) : undefined;
      return access ? trusts(access, issuer, audience, claim) : [];
    }),
  );
  const found = byClaim.length > 0 ? byClaim : audiences.flatMap((audience) => alone(directory, issuer, audience));
  return found.length === 1 ? found[0] : undefined;
}

function alone(directory: Access, issuer: string, audience: string): Trust[] {
  const access = directory.byIssuer(issuer, audience);
  return access ? trusts(access, issuer, audience, undefined) : [];
}

const trusts = (access: TenantAccess, issuer: string, audience: string, tenantClaim: string | undefined): Trust[] =>
  access.oidc
    .filter((entry) => entry.issuer === issuer && entry.audience === audience && entry.tenantClaim === tenantClaim)
    .map((grant) => ({ access, grant }));
