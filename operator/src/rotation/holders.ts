/** Which pods started with credentials that are no longer those in the Secrets. */
import { annotations, labels, namespaceOf, tenantSecrets } from '@cloister/tenancy';
import type { Cluster } from 'kube-runtime';
import { fromBase64 } from '../child.ts';
import { shortHash } from '../hash.ts';
import { loginIn } from './credential.ts';
import { pods, secrets, type Pod, type Secret } from '../kinds.ts';

/** On each pod of an agent: changes when the credentials do, so that pods that hold old ones are replaced. */
export const credentialsOf = (database: string | undefined, redis: string | undefined): string => shortHash([database, redis]);

/** Where a login is used, and with which password. */
export const urlIn = (secret: Secret | undefined): string | undefined => fromBase64(secret?.data?.['url']);

export interface OldLogins {
  readonly tenant: string;
  /** Where the credential stands that takes their place. */
  readonly secret: 'database' | 'redis';
  readonly logins: readonly string[];
}

/**
 * Looked up live. A pod counts as a holder until it is gone, so also while it finishes its last requests. One that is made from now on mounts
 * what the Secrets say now, whatever template it is made from.
 */
export async function holdersOf(
  { tenant, secret, logins }: OldLogins,
  { cluster, signal }: { readonly cluster: Cluster; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const namespace = namespaceOf(tenant);
  const read = (name: string) => cluster.get(secrets, { namespace, name }, { signal });
  const [database, redis] = await Promise.all([read(tenantSecrets.database), read(tenantSecrets.redis)]);
  const named = loginIn(secret === 'database' ? database : redis);
  // A write whose answer was lost: what the cache holds is older than the truth.
  if (named !== undefined && logins.includes(named)) return 'the newest version of its Secret to be seen';
  const current = credentialsOf(urlIn(database), urlIn(redis));
  const running = await cluster.list(pods, { namespace, labelSelector: `${labels.tenant}=${tenant}` }, { signal });
  const old = running.filter((pod) => !hasEnded(pod) && pod.metadata.annotations?.[annotations.credentials] !== current);
  if (old.length === 0) return undefined;
  const agents = [...new Set(old.map(({ metadata }) => metadata.labels?.[labels.agent] ?? metadata.name))].sort();
  return `pods that started with the ones before, of ${agents.join(', ')}`;
}

const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';
