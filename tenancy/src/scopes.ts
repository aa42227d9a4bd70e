import { z } from 'zod';

/**
 * What a credential may do. `chat`: talk to agents and read its own conversations. `settings`: read and change a tenant's settings. `usage`: read
 * what the tenant has used and what is left of its budget. `admin`: see, issue and revoke the tenant's API keys.
 */
export const scopes = ['chat', 'settings', 'usage', 'admin'] as const;
export const scope = z.enum(scopes);
export type Scope = z.infer<typeof scope>;

/** What users may be, and what each of these may do. */
export const roles = ['user', 'editor', 'owner'] as const;
export type Role = (typeof roles)[number];
export const scopesOfRole: Readonly<Record<Role, readonly Scope[]>> = {
  user: ['chat'],
  editor: ['chat', 'settings', 'usage'],
  owner: scopes,
};

/** What the values of a claim of a JWT give to its bearer. */
export const claimScopes = z.object({
  claim: z.string(),
  values: z.array(z.object({ value: z.string(), scopes: z.array(scope) })),
});
export type ClaimScopes = z.infer<typeof claimScopes>;
