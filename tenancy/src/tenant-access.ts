/**
 * How callers of one tenant prove who they are. A Secret `tenant-<name>` in the access namespace, labelled
 * `cloister.dev/document=tenant-access`; edge alone may read it.
 */
import { z } from 'zod';
import { budgetWindows } from './budget-windows.ts';
import { rateLimits } from './rate-limits.ts';
import { claimScopes, scope } from './scopes.ts';

export const apiKeyEntry = z.object({
  /** The part of the key that names it; not secret. */
  id: z.string(),
  name: z.string(),
  /** SHA-256 of the whole key, hexadecimal. The key itself carries 256 random bits, so no slow hash is needed. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(scope),
  expiresAt: z.iso.datetime().optional(),
  /** Of this key alone, within those of the tenant. */
  rateLimits: rateLimits.optional(),
  /** What it may spend of its tenant's budget; absent means all of it. */
  budget: budgetWindows.optional(),
});

export const tenantAccess = z.object({
  tenant: z.string(),
  /** Those that the Tenant declares. */
  apiKeys: z.array(apiKeyEntry),
  /** Secret for HS256 tokens whose `tenant_id` claim names this tenant. */
  hs256: z.object({ secret: z.string().min(32), scopes: z.array(scope), roles: claimScopes.optional() }).optional(),
  oidc: z.array(
    z.object({
      issuer: z.url(),
      audience: z.string(),
      /** Claim that must equal the tenant's name. Absent: issuer and audience together must belong to this tenant alone. */
      tenantClaim: z.string().optional(),
      scopes: z.array(scope),
      roles: claimScopes.optional(),
    }),
  ),
});
export type TenantAccess = z.infer<typeof tenantAccess>;
