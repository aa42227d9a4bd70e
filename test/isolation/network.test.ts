import { labels, managedBy, namespaces, ports } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { conditionOf } from '../e2e/support/kubectl.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from '../e2e/support/tenants.ts';
import { timed, until } from '../e2e/support/until.ts';
import { openWorld, type World } from '../e2e/support/world.ts';
import { probe, type Target } from './probe.ts';

const outside = 'isolation-outside';
let world: World;
let one: LiveTenant;
let two: LiveTenant;
let image: string;
let targets: Target[];

beforeAll(async () => {
  world = await openWorld();
  await world.kubectl.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: outside } });
  [one, two] = await Promise.all([createTenant(world, { name: 'net-one' }), createTenant(world, { name: 'net-two' })]);
  image = await world.kubectl.run([
    'get',
    'deployment',
    agentName,
    '-n',
    one.namespace,
    '-o',
    'jsonpath={.spec.template.spec.containers[0].image}',
  ]);
  const provider = await listener('provider');
  targets = [
    { name: "the other tenant's pod", host: await podIP(two.namespace, `${labels.agent}=${agentName}`), port: ports.http },
    { name: "the other tenant's metrics", host: await podIP(two.namespace, `${labels.agent}=${agentName}`), port: ports.metrics },
    { name: "the other tenant's service", host: await clusterIP(two.namespace, agentName), port: 80 },
    { name: 'the API server by its service', host: await clusterIP('default', 'kubernetes'), port: 443 },
    { name: 'the API server by its node', host: world.cluster.nodeIP, port: 6443 },
    { name: 'the kubelet', host: world.cluster.nodeIP, port: 10250 },
    { name: 'the provider', host: provider, port: 8080 },
    { name: 'the edge', host: await clusterIP(namespaces.system, 'edge'), port: 80 },
  ];
});
afterAll(async () => {
  await Promise.all([deleteTenant(world, 'net-one'), deleteTenant(world, 'net-two'), world.kubectl.run(['delete', 'namespace', outside])]);
});

const podIP = (namespace: string, selector: string): Promise<string> =>
  until(
    `an address of ${namespace} ${selector}`,
    async () => {
      const [pod] = await world.kubectl.list('pods', ['-n', namespace, '-l', selector]);
      return z.object({ podIP: z.string() }).safeParse(pod?.status).data?.podIP;
    },
    { within: 60_000 },
  );

const clusterIP = async (namespace: string, name: string): Promise<string> =>
  z.object({ clusterIP: z.string() }).parse((await world.kubectl.get('service', name, namespace))?.spec).clusterIP;

/** Stands where a model provider would: a pod outside every tenant that takes TCP connections. */
async function listener(name: string): Promise<string> {
  const command = ['node', '-e', "require('node:net').createServer((socket) => socket.end()).listen(8080)"];
  const container = {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    command,
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  };
  await world.kubectl.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: outside, labels: { app: name } },
    spec: { containers: [container] },
  });
  await world.kubectl.run(['wait', 'pod', name, '-n', outside, '--for=condition=Ready', '--timeout=60s']);
  return podIP(outside, `app=${name}`);
}

const agentLabels = { [labels.name]: managedBy, [labels.component]: 'agent', [labels.tenant]: 'net-one', [labels.agent]: 'probe' };

test('a tenant reaches its way out, its data stores and nothing else', async () => {
  const allowed = [
    { name: 'egress', host: await clusterIP(namespaces.system, 'egress'), port: 80 },
    { name: 'Postgres', host: world.cluster.postgres.host, port: 5432 },
    { name: 'Redis', host: new URL(world.cluster.redis.url).hostname, port: 6379 },
  ];
  const opened = await probe(world, {
    name: 'probe',
    namespace: one.namespace,
    image,
    labels: agentLabels,
    targets: [...targets, ...allowed],
  });
  const expected = { ...Object.fromEntries(targets.map(({ name }) => [name, false])), egress: true, Postgres: true, Redis: true };
  expect(opened).toEqual(expected);
});

test('another policy that lets agents out does so, is named in the status while it is there, and no longer', async () => {
  const wide = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'wide', namespace: one.namespace } };
  const condition = async () => conditionOf(await world.kubectl.get('tenant', 'net-one'), 'EgressWidened');
  const told = (status: string) =>
    until(`EgressWidened to be ${status}`, async () => ((await condition())?.status === status ? condition() : undefined), {
      within: 10_000,
    });
  await world.kubectl.apply({ ...wide, spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 8080 }] }] } });
  console.log(`EgressWidened told after ${Math.round(await timed(() => told('True')))} ms`);
  expect((await condition())?.message).toMatch(
    /NetworkPolicy "wide" spec\.egress\[0\] lets agents reach everything on TCP port 8080.*delete the policy/,
  );
  expect(await world.kubectl.run(['get', 'tenant', 'net-one'])).toMatch(/ISOLATION[^]*Widened/);
  expect(conditionOf(await world.kubectl.get('tenant', 'net-one'), 'Ready')?.status).toBe('True');

  const options = { name: 'probe-wide', namespace: one.namespace, image, labels: agentLabels, targets };
  expect(await probe(world, options)).toMatchObject({ 'the provider': true, 'the kubelet': false });
  await world.kubectl.run(['delete', 'networkpolicy', 'wide', '-n', one.namespace]);
  await told('False');
  const events = await world.kubectl.list('events', ['-A', '--field-selector', 'reason=EgressWidened']);
  expect(events.length).toBeGreaterThan(0);
  expect(await world.kubectl.run(['get', 'tenant', 'net-one'])).toMatch(/ISOLATION[^]*Closed/);
});

test('what is closed to a tenant is open to others, so it is the policy that closes it', async () => {
  const opened = await probe(world, { name: 'probe', namespace: outside, image, labels: { app: 'probe' }, targets });
  expect(opened).toMatchObject({ 'the API server by its service': true, 'the kubelet': true, 'the provider': true, 'the edge': true });
});

test('nobody but the edge reaches an agent', async () => {
  const opened = await probe(world, { name: 'probe-in', namespace: outside, image, labels: { app: 'probe' }, targets });
  expect(opened).toMatchObject({
    "the other tenant's pod": false,
    "the other tenant's service": false,
    "the other tenant's metrics": false,
  });
});

test.each(['get pods', 'list secrets', 'create pods', 'get tenants.cloister.dev', 'list namespaces'])(
  "an agent's ServiceAccount may not %s",
  async (request) => {
    const [verb = '', resource = ''] = request.split(' ');
    const as = `--as=system:serviceaccount:${one.namespace}:agent`;
    const answer = await world.kubectl.try(['auth', 'can-i', verb, resource, as, '-n', one.namespace]);
    expect(answer.stdout.trim()).toBe('no');
  },
);
