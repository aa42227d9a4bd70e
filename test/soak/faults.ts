/** What befalls the cluster, one at a time, each over when its promise resolves. None of them may cost a healthy tenant a request. */
import { namespaceOf, namespaces } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiServerPort } from '../cluster/components/api-server.ts';
import { freeze, runInside, takeDown } from '../cluster/index.ts';
import { dataNamespace } from '../cluster/manifests/names.ts';
import { podsOf, signal } from '../e2e/support/pods.ts';
import type { World } from '../e2e/support/world.ts';
import { until } from '../e2e/support/until.ts';
import { compactHistory } from '../faults/support/compaction.ts';
import type { Random } from '../state/random.ts';

export interface Struck {
  readonly world: World;
  readonly random: Random;
  /** Tenants that may lose children and pods. */
  readonly tenants: readonly string[];
}

/** Does it, and says what was done where the name is not all there is to say. */
type Fault = (struck: Struck) => Promise<string>;

const apiServer = 'kube-apiserver';

async function away({ world, random }: Struck, components: readonly string[], longestMs: number): Promise<string> {
  const ms = random.between(500, longestMs);
  const releases = await Promise.all(components.map((component) => takeDown(world.cluster, component)));
  await sleep(ms);
  await Promise.all(releases.map((release) => release()));
  await apiServerBack(world);
  return `${ms} ms`;
}

const apiServerBack = ({ kubectl }: World) =>
  until('the API server to answer again', async () => (await kubectl.try(['get', '--raw', '/readyz'])).code === 0, {
    within: 120_000,
    every: 200,
  });

async function frozen({ world, random }: Struck, component: string): Promise<string> {
  const ms = random.between(500, 8_000);
  const thaw = await freeze(world.cluster, component);
  await sleep(ms);
  await thaw();
  await apiServerBack(world);
  return `${ms} ms`;
}

async function killOperator({ world, random }: Struck): Promise<string> {
  const pod = random.pick(await podsOf(world, 'operator'));
  await signal(world, pod, 'SIGKILL');
  return pod.name;
}

async function loseOperatorPod({ world, random }: Struck): Promise<string> {
  const { name } = random.pick(await podsOf(world, 'operator'));
  await world.kubectl.run(['delete', 'pod', '-n', namespaces.system, name, '--force', '--grace-period=0']);
  return name;
}

/** What its connections to the API server come to: an answer that there is none, or silence. */
const cuts = { reset: 'reject with tcp reset', silent: 'drop' } as const;

const cutOff =
  (cut: keyof typeof cuts) =>
  async ({ world, random }: Struck): Promise<string> => {
    const { name, address } = random.pick(await podsOf(world, 'operator'));
    const ms = random.between(100, 20_000);
    // A table of its own: the enforcer of network policies writes that of iptables anew as a whole, without what came since it read it.
    const table = `ip soak_${random.between(1, 1e9)}`;
    const nft = (commands: readonly string[]) => runInside(world.cluster, ['nft', commands.join('; ')]);
    await nft([
      `add table ${table}`,
      `add chain ${table} input { type filter hook input priority -10; }`,
      `add rule ${table} input ip saddr ${address} tcp dport ${apiServerPort} ${cuts[cut]}`,
    ]);
    try {
      await sleep(ms);
    } finally {
      await nft([`delete table ${table}`]);
    }
    return `${name} ${ms} ms`;
  };

const restart =
  (part: string) =>
  async ({ world }: Struck): Promise<string> => {
    await world.kubectl.run(['rollout', 'restart', `deployment/${part}`, '-n', namespaces.system]);
    await world.kubectl.run(['rollout', 'status', `deployment/${part}`, '-n', namespaces.system, '--timeout=180s']);
    return part;
  };

const dataAway =
  (name: string) =>
  async ({ world, random }: Struck): Promise<string> => {
    const ms = random.between(500, 10_000);
    await world.kubectl.run(['scale', `statefulset/${name}`, '-n', dataNamespace, '--replicas=0']);
    await sleep(ms);
    await world.kubectl.run(['scale', `statefulset/${name}`, '-n', dataNamespace, '--replicas=1']);
    await world.kubectl.run(['rollout', 'status', `statefulset/${name}`, '-n', dataNamespace, '--timeout=120s']);
    return `${ms} ms`;
  };

const children = [
  'networkpolicy',
  'resourcequota',
  'limitrange',
  'role',
  'rolebinding',
  'service',
  'deployment',
  'serviceaccount',
] as const;

async function deleteChildren({ world, random, tenants }: Struck): Promise<string> {
  const [tenant, kind] = [random.pick(tenants), random.pick(children)];
  await world.kubectl.try(['delete', kind, '-n', namespaceOf(tenant), '--all', '--wait=false', '--ignore-not-found']);
  return `${kind} of ${tenant}`;
}

async function deleteNamespace({ world, random, tenants }: Struck): Promise<string> {
  const tenant = random.pick(tenants);
  await world.kubectl.try(['delete', 'namespace', namespaceOf(tenant), '--wait=false', '--ignore-not-found']);
  return tenant;
}

export const faults: Readonly<Record<string, Fault>> = {
  'operator killed': killOperator,
  'operator pod lost': loseOperatorPod,
  'operator restarted': restart('operator'),
  "operator's connections reset": cutOff('reset'),
  "operator's connections silent": cutOff('silent'),
  'edge restarted': restart('edge'),
  'egress restarted': restart('egress'),
  'etcd away': (struck) => away(struck, ['etcd'], 20_000),
  'API server away': (struck) => away(struck, [apiServer], 20_000),
  'etcd and API server away': (struck) => away(struck, ['etcd', apiServer], 20_000),
  'etcd frozen': (struck) => frozen(struck, 'etcd'),
  'API server frozen': (struck) => frozen(struck, apiServer),
  'history compacted': async (struck) => {
    const release = await takeDown(struck.world.cluster, apiServer);
    await compactHistory(struck.world.cluster).finally(release);
    await apiServerBack(struck.world);
    return '';
  },
  'controller manager killed': (struck) => away(struck, ['kube-controller-manager'], 2_000),
  'Postgres away': dataAway('postgres'),
  'Redis away': dataAway('redis'),
  'children deleted': deleteChildren,
  'namespace deleted': deleteNamespace,
};

/** Ends a process of the operator, so its restart is no surprise. */
export const restartsOperator: ReadonlySet<string> = new Set(['operator killed']);
