/**
 * What goes away under an installed Cloister: the control plane, a tenant's namespace, the pods of a node that is drained. Callers ask two
 * tenants' agents all the while. Postgres and Redis are in stores-away.test.ts.
 */
import { namespaceOf, namespaces } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { takeDown } from '../../cluster/index.ts';
import { agentConfigsCounted } from '../../state/agents-counted.ts';
import { call } from '../../e2e/support/http.ts';
import {
  agentManifest,
  agentName,
  createTenant,
  deleteTenant,
  isReady,
  secretValue,
  tenantManifest,
  type LiveTenant,
} from '../../e2e/support/tenants.ts';
import { until } from '../../e2e/support/until.ts';
import { openWorld, type World } from '../../e2e/support/world.ts';
import { AuditLog } from '../../state/audit.ts';
import { compactHistory } from '../support/compaction.ts';
import { ask, startCallers } from './callers.ts';
import { processesOf } from './parts.ts';

const names = ['outage-a', 'outage-b'] as const;
const operator = `system:serviceaccount:${namespaces.system}:operator`;
const patience = { within: 90_000, every: 100 };
/**
 * What Kubernetes itself may take from a changed Deployment to the answer of its new pods after an outage: the controllers of Deployments,
 * ReplicaSets and EndpointSlices, the scheduler and the kubelet watch again one by one, each up to a minute later (client-go waits 30 s, and as
 * much again by chance). Measured: 34 to 96 s.
 */
const kubernetesAnew = { within: 240_000, every: 100 };

let world: World;
let tenants: LiveTenant[];
beforeAll(async () => {
  world = await openWorld();
  tenants = await Promise.all(names.map((name) => createTenant(world, { name, agent: { replicas: 2 } })));
  await agentConfigsCounted(world.cluster.kubeconfig);
}, 420_000);
afterAll(() => Promise.all(names.map((name) => deleteTenant(world, name))));

const tenant = (name: string) => world.kubectl.get('tenant', name);
const bothReady = () =>
  until('both tenants to be Ready', async () => (await Promise.all(names.map(tenant))).every((found) => isReady(found)), patience);

interface Told {
  readonly usage: unknown;
  readonly rest: unknown;
}

/** What Tenants are told. */
async function toldOfTenants(): Promise<ReadonlyMap<string, Told>> {
  const found = await world.kubectl.list('tenants');
  return new Map(
    found.map(({ metadata, status }) => {
      const { usage, ...rest }: Record<string, unknown> = { ...status };
      return [metadata.name, { usage, rest }];
    }),
  );
}

/**
 * What the operator writes in eight seconds in which nobody wants anything, once it has come to rest: what old pods held goes after they have. Once a minute
 * a Tenant is told what its callers have used, those of this test among them; that and nothing else may be among it.
 */
async function writesAtRest(): Promise<string[]> {
  const log = await AuditLog.from(world.cluster.auditLog);
  const written = async (within: number): Promise<string[]> => {
    await sleep(within);
    return (await log.take()).filter(({ by, resource }) => by === operator && resource !== 'leases').map(({ what }) => what);
  };
  await until('the operator to come to rest', async () => (await written(5_000)).length === 0, patience);
  const before = await toldOfTenants();
  const seen = await written(8_000);
  for (const [name, now] of await toldOfTenants()) {
    const then = before.get(name);
    const usageAlone = then && !isDeepStrictEqual(then.usage, now.usage) && isDeepStrictEqual(then.rest, now.rest);
    const at = usageAlone ? seen.indexOf(`patch tenants/status /${name}`) : -1;
    if (at >= 0) seen.splice(at, 1);
  }
  return seen;
}

describe.each([
  ['etcd', ['etcd']],
  ['the API server', ['kube-apiserver']],
  ['etcd and the API server', ['etcd', 'kube-apiserver']],
])('while %s is away', (_, components) => {
  test('callers are answered; operator, edge and egress go on without a restart and act on what comes next', async () => {
    const before = await processesOf(world);
    const callers = startCallers(tenants);
    const releases = await Promise.all(components.map((component) => takeDown(world.cluster, component)));
    await sleep(3_000);
    const during = callers.calls.answered;
    await Promise.all(releases.map((release) => release()));
    const pods = 10 + Math.floor(Math.random() * 10);
    await until(
      'the API server to take an edit',
      async () => (await world.kubectl.tryApply(tenantManifest({ name: 'outage-a', spec: { quota: { pods } } }))).code === 0,
      patience,
    );
    const quota = async () => JSON.stringify(await world.kubectl.list('resourcequota', ['-n', namespaceOf('outage-a')]));
    await until('the edit to be followed', async () => (await quota()).includes(`"pods":"${pods}"`), patience);
    await bothReady();
    const { answered, failures } = await callers.stop();
    console.log(`${during} answers while away, ${answered} in all`);
    expect(failures).toEqual([]);
    expect(during).toBeGreaterThan(0);
    expect(await processesOf(world)).toEqual(before);
  });
});

test(
  'when history is compacted and the API server starts anew, every watch is told so and nothing is missed',
  { timeout: 660_000 },
  async () => {
    const before = await processesOf(world);
    const release = await takeDown(world.cluster, 'kube-apiserver');
    await compactHistory(world.cluster).finally(release);
    const instructions = `You are the agent of outage-b. Edition ${Date.now()}.`;
    await until(
      'an edit',
      async () => (await world.kubectl.tryApply(agentManifest({ name: 'outage-b', agent: { replicas: 2, instructions } }))).code === 0,
      patience,
    );
    const [, second] = tenants;
    await until('the operator to follow it', async () => second && (await isFollowed(second)), patience);
    await until('its answer', async () => second && (await answerOf(second)).includes('Edition'), kubernetesAnew);
    await bothReady();
    expect(await processesOf(world)).toEqual(before);
    expect(await writesAtRest()).toEqual([]);
  },
);

async function isFollowed({ namespace }: LiveTenant): Promise<boolean> {
  const { status, metadata } = (await world.kubectl.get('agentconfig', agentName, namespace)) ?? {};
  return metadata !== undefined && status?.observedGeneration === metadata.generation;
}

const answerOf = async ({ url, key }: LiveTenant): Promise<string> => {
  const body = { model: agentName, messages: [{ role: 'user', content: 'hello' }] };
  return (await call(`${url}/v1/chat/completions`, { method: 'POST', key, body })).text;
};

test('a namespace that somebody deletes by hand is made anew with all that is in it, and nobody else notices', async () => {
  const [first, second] = tenants;
  if (!first || !second) throw new Error('two tenants were made');
  const callers = startCallers([second], 2);
  const before = await world.kubectl.get('namespace', first.namespace);
  await world.kubectl.run(['delete', 'namespace', first.namespace, '--wait=false']);
  await until(
    'another namespace',
    async () => {
      const found = await world.kubectl.get('namespace', first.namespace);
      return found !== undefined && found.metadata.uid !== before?.metadata.uid;
    },
    patience,
  );
  // AgentConfigs are people's own and went with it: they are applied again, as a GitOps pipeline would.
  await until(
    'its agent',
    async () => (await world.kubectl.tryApply(agentManifest({ name: first.name, agent: { replicas: 2 } }))).code === 0,
    patience,
  );
  await bothReady();
  const key = await secretValue(world, first.namespace, 'api-key-default', 'key');
  await until('an answer', async () => (await ask({ ...first, key })) === undefined, patience);
  tenants = [{ ...first, key }, second];
  expect((await callers.stop()).failures).toEqual([]);
});

test('agents are evicted one by one, as by a drain of their node, and no request fails', async () => {
  const [first] = tenants;
  if (!first) throw new Error('a tenant was made');
  const callers = startCallers([first]);
  const evicted = await world.kubectl.list('pods', ['-n', first.namespace]);
  for (const { metadata } of evicted) {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name, namespace: first.namespace } };
    const path = `/api/v1/namespaces/${first.namespace}/pods/${metadata.name}/eviction`;
    // 429 while the disruption budget does not allow another one: kubectl drain waits likewise
    await until(
      'the eviction',
      async () => (await world.kubectl.try(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction))).code === 0,
      {
        within: 90_000,
        every: 500,
      },
    );
  }
  await world.kubectl.run(['rollout', 'status', `deployment/${agentName}`, '-n', first.namespace, '--timeout=120s']);
  const { answered, failures } = await callers.stop();
  console.log(`${evicted.length} pods evicted, ${answered} answers`);
  expect(evicted.length).toBeGreaterThan(1);
  expect(failures).toEqual([]);
});
