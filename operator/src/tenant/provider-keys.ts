/** Keys that a tenant has of its own with model providers: what stands in its Secrets, whether it can be used, and what is said where it cannot. */
import { namespaceOf, providerKeyPattern, tenantSecrets } from '@cloister/tenancy';
import { providerKey, type ProviderKey } from '../api/provider-keys.ts';
import type { ModelProviderSpec } from '../api/model-provider.ts';
import type { TenantSpec } from '../api/tenant.ts';
import { fromBase64 } from '../child.ts';
import type { Secret, Tenant } from '../kinds.ts';
import type { Provider } from '../provider/offers.ts';
import type { TenantFinding } from './checks.ts';
import type { TenantSnapshot } from './observe.ts';
import type { Standing } from './standing.ts';

export type ProviderKeySeen = ProviderKey & { readonly seen: SeenKey };
export type SeenKey =
  | { readonly state: 'missing' | 'no key' | 'empty' | 'malformed' }
  | { readonly state: 'usable'; /** As it goes out. */ readonly value: string };

/** What there is to know of a tenant's keys, be its spec as it may. */
export interface OwnKeysSeen extends Pick<TenantSnapshot, 'name' | 'uid' | 'configuration' | 'providerKeys'> {
  readonly standing: Pick<Standing, 'providers'>;
  /** What egress was told; undefined where it was told nothing. */
  readonly toldOwnKeys: Secret | undefined;
}

/**
 * Entries of a spec that is refused as a whole, as far as each of them can be read by itself. What says of no Secret where it is can be
 * followed nowhere, and is none. Nor is there any of an archived tenant, whatever else its spec says.
 */
export function legibleEntries({ spec }: Pick<Tenant, 'spec'>): ProviderKey[] {
  if (!isRecord(spec) || spec['state'] === 'Archived' || !Array.isArray(spec['providerKeys'])) return [];
  return spec['providerKeys'].flatMap((entry: unknown) => providerKey.safeParse(entry).data ?? []);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Reads each Secret once, whichever keys of it are named. */
export async function readProviderKeys(
  entries: readonly ProviderKey[],
  read: (name: string) => Promise<Secret | undefined>,
): Promise<ProviderKeySeen[]> {
  const names = [...new Set(entries.map(({ secretRef }) => secretRef.name))];
  const found = new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)));
  return entries.map((entry) => ({ ...entry, seen: keyIn(found.get(entry.secretRef.name), entry.secretRef.key) }));
}

function keyIn(secret: Secret | undefined, key: string): SeenKey {
  if (!secret) return { state: 'missing' };
  const { data = {} } = secret;
  const value = Object.hasOwn(data, key) ? fromBase64(data[key])?.trim() : undefined; // files end with a line break
  if (value === undefined) return { state: 'no key' };
  if (value === '') return { state: 'empty' };
  return providerKeyPattern.test(value) ? { state: 'usable', value } : { state: 'malformed' };
}

/**
 * Secrets that owners may write: those of which each use says so. What Cloister makes is refused by the API server, and here once more, since a right
 * is given; and who can write that by which users come in can be any of them.
 */
export function secretsOfOwners({ providerKeys = [], access }: Pick<TenantSpec, 'providerKeys' | 'access'>): string[] {
  const uses = Map.groupBy(providerKeys, ({ secretRef }) => secretRef.name);
  return [...uses]
    .filter(([name, entries]) => entries.every(({ writableByOwners }) => writableByOwners === true) && !isMade(name))
    .map(([name]) => name)
    .filter((name) => name !== access.hs256?.secretRef.name)
    .sort();
}

const { apiKey, ...made } = tenantSecrets;
const isMade = (name: string): boolean => name.startsWith(apiKey('')) || Object.values<string>(made).includes(name);

const takesKeys = ({ type, ownKeys }: ModelProviderSpec): boolean => type !== 'Offline' && ownKeys !== 'Forbidden';

/** Those that egress is given, by provider. For the others that are asked for it has none, and calls fail. */
export function usableProviderKeys({ providerKeys, standing }: Pick<OwnKeysSeen, 'providerKeys' | 'standing'>): Record<string, string> {
  const taken = new Set(standing.providers.filter(({ spec }) => takesKeys(spec)).map(({ name }) => name));
  return Object.fromEntries(
    providerKeys.flatMap(({ provider, seen }) => (seen.state === 'usable' && taken.has(provider) ? [[provider, seen.value]] : [])),
  );
}

export function providerKeysAreUsable({ name, providerKeys, standing }: TenantSnapshot): TenantFinding[] {
  return providerKeys.flatMap(({ provider, secretRef, seen }, index) => {
    const entry = `spec.providerKeys[${index}]`;
    const found = standing.providers.find((one) => one.name === provider);
    const problem = providerProblem(entry, provider, found) ?? secretProblem(entry, name, { provider, secretRef, seen });
    return problem ? { condition: 'CredentialsReady', ...problem, blocks: false } : [];
  });
}

type Problem = Pick<TenantFinding, 'reason' | 'message'>;

function providerProblem(entry: string, provider: string, found: Provider | undefined): Problem | undefined {
  const named = `${entry}.provider is "${provider}"`;
  if (!found)
    return {
      reason: 'ProviderUnknown',
      message: `${named}, which is no ModelProvider; see "kubectl get modelproviders", or remove the entry`,
    };
  if (takesKeys(found.spec)) return undefined;
  const why =
    found.spec.type === 'Offline' ? 'which is of type Offline and takes no key' : 'which takes no keys of tenants (its spec.ownKeys)';
  return { reason: 'OwnKeyForbidden', message: `${named}, ${why}, so calls of its models fail; remove the entry` };
}

function secretProblem(entry: string, tenant: string, { provider, secretRef: { name, key }, seen }: ProviderKeySeen): Problem | undefined {
  if (seen.state === 'usable') return undefined;
  const problem = {
    missing: { reason: 'SecretMissing', says: `which does not exist; create it with key "${key}"` },
    'no key': { reason: 'SecretInvalid', says: `which has no key "${key}"; add it or name another` },
    empty: { reason: 'SecretInvalid', says: `whose key "${key}" is empty; write the key of provider "${provider}" into it` },
    malformed: {
      reason: 'SecretInvalid',
      says: `whose key "${key}" can be no key of a provider: one line of at most 4096 ASCII characters, without spaces; write it anew`,
    },
  } as const;
  const { reason, says } = problem[seen.state];
  const where = `${entry}.secretRef names Secret "${name}" in namespace "${namespaceOf(tenant)}"`;
  return { reason, message: `${where}, ${says}. Until then calls of provider "${provider}" fail` };
}
