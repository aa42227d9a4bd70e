/** One run of a workload under whatever is going on, and what is left when it has come to rest. */
import { namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromBase64 } from '../../../operator/src/child.ts';
import * as kinds from '../../../operator/src/kinds.ts';
import { testPostgres, testRedisURL } from '../../../operator/src/testing/servers.fixture.ts';
import { until } from '../../e2e/support/until.ts';
import { AuditLog } from '../../state/audit.ts';
import { dataHeld } from '../../state/data.ts';
import { differences, inventory } from '../../state/inventory.ts';
import { perform } from '../../state/perform.ts';
import { randomFrom } from '../../state/random.ts';
import { Workload } from '../../state/workload.ts';
import { className, model, type BareWorld } from '../support/control-plane.ts';

export interface RunOptions {
  readonly seed: number;
  readonly prefix: string;
  readonly tenants: number;
  readonly steps: number;
}

/** API key by the UID of its Tenant: one that is deleted and made again has another. */
type Keys = ReadonlyMap<string, string>;

export interface Outcome {
  /** Tenants that there should be. */
  readonly tenants: readonly string[];
  readonly objects: ReadonlyMap<string, object>;
  readonly data: readonly string[];
  /** Keys that were once handed out and have since become others, though their Tenant is the same. */
  readonly changedKeys: readonly string[];
}

/** All steps, one after the other; `between` is told of each before it is done. */
export async function runWorkload(
  world: BareWorld,
  { seed, prefix, tenants, steps }: RunOptions,
  between: (step: number) => Promise<void> = () => Promise.resolve(),
): Promise<Pick<Outcome, 'tenants'> & { readonly keys: Keys }> {
  const names = Array.from({ length: tenants }, (_, index) => `${prefix}${'abcdefgh'[index] ?? index}`);
  const workload = new Workload({ random: randomFrom(seed), tenants: names, className, model });
  const keys = new Map<string, string>();
  for (let step = 0; step < steps; step++) {
    await between(step);
    await perform(world.cluster, workload.next());
    for (const [uid, key] of await keysNow(world, names).catch(() => new Map<string, string>())) if (!keys.has(uid)) keys.set(uid, key);
  }
  return { tenants: workload.tenants, keys };
}

/** Waits until nothing changes any more for as long as `quietMs`, and looks. */
export async function settle(world: BareWorld, prefix: string, tenants: readonly string[], keys: Keys, within = 90_000): Promise<Outcome> {
  await until('all tenants to have reached what their specs say', () => settled(world, prefix, tenants), { within, every: 200 });
  const now = await keysNow(world, tenants);
  return {
    tenants,
    objects: await inventory(world.cluster, prefix),
    data: await dataHeld({ postgres: { ...testPostgres() }, redis: testRedisURL().href }, prefix),
    changedKeys: [...keys].filter(([uid, key]) => now.has(uid) && now.get(uid) !== key).map(([uid]) => uid),
  };
}

/** Every Tenant and AgentConfig has been observed as it is and is neither being worked on nor deleted, and there is none too many. */
async function settled({ cluster }: BareWorld, prefix: string, wanted: readonly string[]): Promise<boolean> {
  const tenants = (await cluster.list(kinds.tenants)).filter(({ metadata }) => metadata.name.startsWith(prefix));
  const agents = (await cluster.list(kinds.agentConfigs)).filter(({ metadata }) => metadata.namespace?.startsWith(namespaceOf(prefix)));
  const namespaces = (await cluster.list(kinds.namespaceKind)).filter(({ metadata }) => metadata.name.startsWith(namespaceOf(prefix)));
  const names = tenants.map(({ metadata }) => metadata.name).sort();
  if (JSON.stringify(names) !== JSON.stringify([...wanted].sort()) || namespaces.length !== wanted.length) return false;
  return [...tenants, ...agents].every(({ metadata, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    const reconciling = status?.conditions?.find(({ type }) => type === 'Reconciling');
    const current = metadata.deletionTimestamp === undefined && ready?.observedGeneration === metadata.generation;
    return current && reconciling?.status !== 'True';
  });
}

async function keysNow({ cluster }: BareWorld, tenants: readonly string[]): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const name of tenants) {
    const [tenant, secret] = await Promise.all([
      cluster.get(kinds.tenants, { name }),
      cluster.get(kinds.secrets, { namespace: namespaceOf(name), name: tenantSecrets.apiKey('default') }),
    ]);
    const key = fromBase64(secret?.data?.['key']);
    if (tenant?.metadata.uid !== undefined && key !== undefined) keys.set(tenant.metadata.uid, key);
  }
  return keys;
}

export const differencesOf = (expected: Outcome, actual: Outcome): string[] => [
  ...differences(expected.objects, actual.objects),
  ...moreIn(actual.data, expected.data).map((entry) => `${entry} is there and should not be`),
  ...moreIn(expected.data, actual.data).map((entry) => `${entry} is missing`),
  ...actual.changedKeys.map((uid) => `the API key of Tenant ${uid} is another one now`),
];

/** Entries of which `one` has more than `other`: two logins under one name are two. */
const moreIn = (one: readonly string[], other: readonly string[]): string[] => {
  const count = (list: readonly string[], entry: string) => list.filter((each) => each === entry).length;
  return [...new Set(one)].filter((entry) => count(one, entry) > count(other, entry));
};

/** What the account writes from now on in `ms`, its lease left out. */
export async function writesWithin(world: BareWorld, username: string, ms: number): Promise<string[]> {
  const log = await AuditLog.from(world.plane.auditLog);
  await sleep(ms);
  return (await log.take()).filter(({ by, resource }) => by === username && resource !== 'leases').map(({ what }) => what);
}

/** Patiently: the API server may have been taken away by whatever failed before. */
export async function removeTenants(world: BareWorld, prefix: string): Promise<void> {
  const remove = async (): Promise<boolean> => {
    for (const { metadata } of await world.cluster.list(kinds.tenants)) {
      if (metadata.name.startsWith(prefix)) await world.cluster.delete(kinds.tenants, { name: metadata.name });
    }
    return settled(world, prefix, []);
  };
  await until('all tenants to be gone', remove, { within: 90_000, every: 200 });
}
