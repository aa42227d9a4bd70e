import type { IssuedKey, TenantAccess } from '@cloister/tenancy';

export type ApiKey = TenantAccess['apiKeys'][number] | IssuedKey;

/** A tenant's API keys, without what would open anything. `uses` as in {@link KeyUses.of}. */
export const keysList = (keys: readonly ApiKey[], uses: ReadonlyMap<string, number>) => ({
  object: 'list',
  data: keys.map((key) => {
    const used = uses.get(key.id);
    return { ...described(key), lastUsedAt: used === undefined ? null : new Date(used).toISOString() };
  }),
});

/** What may be told of a key. Nobody has issued one that the Tenant declares. */
export const described = (key: ApiKey) => ({
  id: key.id,
  name: key.name,
  scopes: key.scopes,
  expiresAt: key.expiresAt ?? null,
  rateLimits: key.rateLimits ?? {},
  budget: key.budget ?? {},
  issued: 'uid' in key ? { at: key.issuedAt, by: key.issuedBy } : null,
});
