/** Generated contents of the compared kinds. */
import fc from 'fast-check';
import { conditions, isFull, often, optional, some, word } from './arbitraries.ts';
import { fieldsOfChildren, statusOfChildren } from './children.ts';
import type { KindName } from './kinds.fixture.ts';

const widgetSpec = optional({
  name: fc.constantFrom('n', 'm'),
  replicas: fc.integer({ min: 0, max: 2 }),
  parts: fc.uniqueArray(
    optional({ id: fc.constantFrom('p', 'q', 'r'), value: word, note: word }).map((part) => ({ id: 'p', ...part })),
    {
      maxLength: 3,
      selector: ({ id }) => id,
    },
  ),
  tags: fc.uniqueArray(fc.constantFrom('s', 't', 'u'), { maxLength: 3 }),
  order: fc.array(fc.constantFrom('v', 'w'), { maxLength: 2 }),
  settings: some(word, 'one', 'two'),
  nested: optional({ a: word, b: word }),
});

const container = fc
  .record({
    name: fc.constantFrom('main', 'side'),
    image: fc.constantFrom('localhost/a:1', 'localhost/b'),
    env: fc.uniqueArray(fc.record({ name: fc.constantFrom('E', 'F'), value: word }), { maxLength: 2, selector: ({ name }) => name }),
    port: fc.boolean(),
  })
  .map(({ port, env, ...rest }) => ({ ...rest, ...(env.length > 0 && { env }), ...(port && { ports: [{ containerPort: 80 }] }) }));

const deploymentSpec = fc
  .record({
    replicas: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    containers: fc.uniqueArray(container, { minLength: 1, maxLength: 2, selector: ({ name }) => name }),
    app: fc.oneof({ weight: 8, arbitrary: fc.constant('w') }, { weight: 1, arbitrary: fc.constant('z') }),
    extra: some(word, 'extra'),
  })
  .map(({ replicas, containers, app, extra }) => ({
    ...(replicas !== undefined && { replicas }),
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app, ...extra } }, spec: { containers } },
  }));

const port = fc
  .record({
    port: fc.constantFrom(80, 81),
    named: often(true, false),
    targetPort: fc.option(fc.constantFrom(8080, 'http'), { nil: undefined }),
  })
  .map(({ port, named, targetPort }) => ({
    port,
    ...(named && { name: `p${port}` }),
    ...(targetPort !== undefined && { targetPort }),
  }));
const serviceSpec = fc
  .record({
    ports: fc.uniqueArray(port, { maxLength: 2, selector: (each) => each.port }),
    selector: some(word, 'app', 'tier'),
    headless: fc.boolean(),
    type: fc.boolean(),
  })
  .map(({ headless, type, ports, selector }) => ({
    ...(ports.length > 0 && { ports }),
    ...(isFull(selector) && { selector }),
    ...(type && { type: 'ClusterIP' }),
    ...(headless && { clusterIP: 'None' }),
  }));

/** Of what nobody makes here: how soon the admission of a real server knows of a quota is a matter of time. Those that count are in `charged.ts`. */
const amounts = optional({
  pods: often('1', '2', '1.5', '-1'),
  'requests.cpu': fc.constantFrom('500m', '0.5', '1', '1000m'),
  'limits.memory': fc.constantFrom('1Gi', '1024Mi', '1000M'),
});

const leaseSpec = optional({
  holderIdentity: fc.constantFrom('a', 'b', ''),
  leaseDurationSeconds: often(15, 20, 0),
  leaseTransitions: often(0, 1, -1),
  renewTime: fc.constantFrom('2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:02.500000Z'),
});

/** What there is beside the metadata. */
export const fieldsOf: Readonly<Record<KindName, fc.Arbitrary<Record<string, unknown>>>> = {
  ConfigMap: optional({ data: some(word, 'k', 'l'), immutable: fc.constantFrom(false, false, true) }),
  Secret: optional({
    data: some(fc.constantFrom('MQ==', 'Mg=='), 'k', 'l'),
    type: fc.constantFrom('Opaque', 'Opaque', 'example.dev/t'),
  }),
  Deployment: deploymentSpec.map((spec) => ({ spec })),
  Service: serviceSpec.map((spec) => ({ spec })),
  ResourceQuota: fc.oneof(
    { weight: 4, arbitrary: amounts.map((hard) => ({ spec: { hard } })) },
    { weight: 1, arbitrary: amounts.map((hard) => ({ spec: { hard, scopes: ['NotTerminating'] } })) },
    { weight: 1, arbitrary: fc.constant({}) },
  ),
  Lease: fc.oneof({ weight: 4, arbitrary: leaseSpec.map((spec) => ({ spec })) }, { weight: 1, arbitrary: fc.constant({}) }),
  Widget: fc.oneof(
    { weight: 8, arbitrary: widgetSpec.map((spec) => ({ spec: { name: 'n', ...spec } })) },
    { weight: 1, arbitrary: widgetSpec.map((spec) => ({ spec, status: { phase: 'x' } })) },
  ),
  ...fieldsOfChildren,
};

export const statusOf: Readonly<Record<KindName, fc.Arbitrary<Record<string, unknown>>>> = {
  ConfigMap: fc.constant({ phase: 'none' }),
  Secret: fc.constant({ phase: 'none' }),
  Deployment: optional({ replicas: fc.integer({ min: 1, max: 2 }), observedGeneration: fc.integer({ min: 1, max: 3 }) }),
  Service: fc.oneof(
    optional({
      conditions,
      loadBalancer: fc.constant({}),
    }),
    fc.constant({ loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }),
  ),
  ResourceQuota: optional({ hard: amounts, used: amounts }),
  Lease: fc.constant({ phase: 'none' }),
  Widget: optional({
    phase: fc.constantFrom('on', 'off'),
    replicas: fc.integer({ min: 0, max: 2 }),
    selector: word,
    count: fc.integer({ min: 0, max: 2 }),
  }),
  ...statusOfChildren,
};
