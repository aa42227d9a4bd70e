/** Traces from the installed product, with a collector in a pod: the chart turns them on and off again while Cloister runs. */
import { labels, managedBy, namespaces } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { spansIn, type CollectedSpan } from '../../../gateway/src/tracing/otlp-json.fixture.ts';
import { run } from '../../cluster/command.ts';
import { chart } from '../../e2e/support/helm.ts';
import { openai } from '../../e2e/support/http.ts';
import { metricsOf, sumOf } from '../../e2e/support/metrics.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from '../../e2e/support/tenants.ts';
import { until } from '../../e2e/support/until.ts';
import { openWorld, type World } from '../../e2e/support/world.ts';
import { probe } from '../../isolation/probe.ts';

const name = 'traced';
const nowhere = 'e2e-nowhere';
const observability = 'e2e-observability';
const collector = 'collector';
const port = 4318;
const key = 'authorization=Bearer collectors-own-key';

let world: World;
let tenant: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  await world.kubectl.apply(provider);
  const models = { allow: [`${nowhere}/*`, 'offline/*'] };
  tenant = await createTenant(world, { name, spec: { models }, agent: { model: `${nowhere}/m1` } });
  await world.kubectl.apply([...collectorObjects(await imageOf()), secret]);
  await world.kubectl.run(['wait', 'pod', collector, '-n', observability, '--for=condition=Ready', '--timeout=60s']);
});
afterAll(async () => {
  await turn('--set', 'tracing.endpoint=,tracing.headersSecret.name=');
  await deleteTenant(world, name);
  await world.kubectl.run(['delete', 'modelprovider', nowhere, '--ignore-not-found']);
  await world.kubectl.run(['delete', 'secret', collector, '-n', namespaces.system, '--ignore-not-found']);
  await world.kubectl.run(['delete', 'namespace', observability, '--ignore-not-found']);
});

/** Nobody listens there, and another one answers in its place. */
const price = { inputPerMillion: 1, outputPerMillion: 1 };
const provider = {
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'ModelProvider',
  metadata: { name: nowhere },
  spec: {
    type: 'OpenAICompatible',
    baseURL: 'http://127.0.0.1:1/v1',
    retries: 1,
    tenants: { names: [name] },
    models: [{ name: 'm1', contextWindow: 10_000, maxOutputTokens: 100, price, fallbacks: ['offline/echo'] }],
  },
};
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: collector, namespace: namespaces.system },
  stringData: { headers: key },
};

/** Writes what it is sent to its log, a line for each message. Takes none without its key. */
const script = `require('node:http').createServer((request, response) => {
  let text = '';
  request.on('data', (piece) => (text += piece)).on('end', () => {
    const known = request.headers.authorization === 'Bearer collectors-own-key';
    if (known && text !== '') console.log(text);
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
  });
}).listen(${port})`;

const collectorObjects = (image: string): readonly object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: observability } },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: collector, namespace: observability, labels: { app: collector } },
    spec: {
      containers: [
        {
          name: collector,
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', script],
          readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: collector, namespace: observability },
    spec: { selector: { app: collector }, ports: [{ port }] },
  },
];

const imageOf = () =>
  world.kubectl.run([
    ...['get', 'deployment', agentName, '-n', tenant.namespace],
    ...['-o', 'jsonpath={.spec.template.spec.containers[0].image}'],
  ]);

const turn = (...values: readonly string[]) =>
  run(
    world.cluster.helm,
    ['upgrade', 'cloister', chart, '-n', namespaces.system, '--reset-then-reuse-values', ...values, '--wait', '--timeout', '3m'],
    { env: { KUBECONFIG: world.cluster.kubeconfig } },
  );

const ask = (content: string) =>
  openai(`${tenant.url}/v1`, tenant.key).chat.completions.create({ model: agentName, messages: [{ role: 'user', content }] });

/** Pods that are ending are asked as well, and answer no more. */
const patience = { within: 90_000, every: 1_000 };
const counted = async (outcome: string) => sumOf(await metricsOf(world, 'egress'), 'cloister_tracing_spans_total', { outcome });

async function collected(): Promise<CollectedSpan[]> {
  const log = await world.kubectl.run(['logs', collector, '-n', observability, '--tail=-1']);
  const spans = log.split('\n').filter(Boolean).flatMap(spansIn);
  const own = new Set(spans.filter(({ attributes }) => attributes['cloister.tenant'] === name).map(({ traceId }) => traceId));
  return spans.filter(({ traceId }) => own.has(traceId));
}

test('one request is one trace, from edge to each attempt, in a collector that agents cannot reach', { timeout: 240_000 }, async () => {
  const peer = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': observability } } };
  await turn(
    ...['--set', `tracing.endpoint=http://${collector}.${observability}.svc:${port}/v1/traces,tracing.ratio=1`],
    ...['--set', `tracing.headersSecret.name=${collector}`, '--set-json', `tracing.networkPeer=${JSON.stringify(peer)}`],
  );
  const spans = await until(
    'a whole trace',
    async () => {
      await ask('a question that is not told');
      return [...Map.groupBy(await collected(), ({ traceId }) => traceId).values()].find(({ length }) => length === 6);
    },
    // A pod from before tracing was turned on may still answer. Not so often that egress asks the provider no more, since it never answers.
    { within: 90_000, every: 3_000 },
  );
  const find = (service: string, kind: string) => spans.filter((span) => span.service === service && span.kind === kind);
  const [[server], [call], [behind]] = [
    find('cloister-edge', 'server'),
    find('cloister-edge', 'client'),
    find('cloister-egress', 'server'),
  ];
  const attempts = find('cloister-egress', 'client');
  expect([server?.parentSpanId ?? '', call?.parentSpanId, behind?.parentSpanId]).toEqual(['', server?.spanId, call?.spanId]);
  const told = ['cloister.provider', 'cloister.attempt', 'cloister.attempt.kind', 'cloister.outcome'] as const;
  expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(attempts.map(() => behind?.spanId));
  expect(attempts.map(({ attributes }) => told.map((attribute) => attributes[attribute]))).toEqual([
    [nowhere, 1, 'first', 'provider_unreachable'],
    [nowhere, 2, 'retry', 'provider_unreachable'],
    ['offline', 3, 'fallback', 'answered'],
  ]);
  const log = await world.kubectl.run(['logs', collector, '-n', observability, '--tail=-1']);
  for (const hidden of ['a question', tenant.key, key]) expect(log).not.toContain(hidden);
  await until('spans to be counted', async () => (await counted('exported')) > 0, patience);

  const { clusterIP } = z.object({ clusterIP: z.string() }).parse((await world.kubectl.get('service', collector, observability))?.spec);
  const opened = await probe(world, {
    name: 'probe',
    namespace: tenant.namespace,
    image: await imageOf(),
    labels: { [labels.name]: managedBy, [labels.component]: 'agent', [labels.tenant]: name, [labels.agent]: 'probe' },
    targets: [{ name: collector, host: clusterIP, port }],
  });
  expect(opened).toEqual({ [collector]: false });
});

test('a collector that goes away is missed by no caller, and what it did not take is counted', async () => {
  await world.kubectl.run(['delete', 'pod', collector, '-n', observability, '--grace-period=0', '--force']);
  const away = async () => {
    expect((await ask('hello')).choices).toHaveLength(1);
    return (await counted('failed')) > 0;
  };
  await until('spans that could not be exported', away, patience);
});
