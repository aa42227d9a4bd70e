import type { TenantAccess } from '@cloister/tenancy';

/** A tenant's API keys, without what would open anything. `uses` as in {@link KeyUses.of}. */
export const keysList = ({ apiKeys }: TenantAccess, uses: ReadonlyMap<string, number>) => ({
  object: 'list',
  data: apiKeys.map(({ id, name, scopes, expiresAt }) => {
    const used = uses.get(id);
    return { id, name, scopes, expiresAt: expiresAt ?? null, lastUsedAt: used === undefined ? null : new Date(used).toISOString() };
  }),
});
