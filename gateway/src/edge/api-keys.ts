import { apiKeyMatches, parseApiKey } from '@cloister/identity';
import type { TenantAccess } from '@cloister/tenancy';
import type { Access } from '../directory/directory.ts';
import type { KnownCaller } from './authenticate.ts';

/** Matches no key. Compared with when there is nothing to compare with, so that an unknown tenant takes as long as a wrong secret. */
const nobody: TenantAccess['apiKeys'][number] = { id: '', name: '', hash: '0'.repeat(64), scopes: [] };

/** The caller to whom an API key belongs; undefined for a key that is unknown, wrong or expired, without telling which. */
export function callerOfApiKey(key: string, access: Access, now = Date.now()): KnownCaller | undefined {
  const parsed = parseApiKey(key);
  if (!parsed) return undefined;
  const ofTenant = access.byTenant(parsed.tenant);
  const declared = ofTenant?.apiKeys.find(({ id }) => id === parsed.id);
  // A tenant that is going loses its access document first, and with it the keys that were issued for it.
  const known = declared ?? (ofTenant && access.issued.byId(parsed.tenant, parsed.id)) ?? nobody;
  const matches = apiKeyMatches(key, known.hash);
  const expired = known.expiresAt !== undefined && Date.parse(known.expiresAt) <= now;
  return matches && !expired ? { tenant: parsed.tenant, subject: `key:${parsed.id}`, scopes: known.scopes, apiKey: known } : undefined;
}
