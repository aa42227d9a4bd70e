import fc from 'fast-check';
import type { KindName } from './kinds.fixture.ts';
import type { Content, JsonOperation, Operation, Target, UidNamed, VersionNamed } from './operation.ts';

const kindName = fc.oneof(
  { weight: 4, arbitrary: fc.constant<KindName>('ConfigMap') },
  { weight: 4, arbitrary: fc.constant<KindName>('Widget') },
  { weight: 2, arbitrary: fc.constant<KindName>('Deployment') },
  { weight: 2, arbitrary: fc.constant<KindName>('Secret') },
);
const space = fc.oneof({ weight: 6, arbitrary: fc.constant<0>(0) }, { weight: 1, arbitrary: fc.constant<1>(1) });
const target: fc.Arbitrary<Target> = fc.record({ kind: kindName, space, name: fc.constantFrom('a', 'b') });
const manager = fc.constantFrom('x', 'y');

const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const some = <T>(values: fc.Arbitrary<T>, ...names: readonly string[]): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.constantFrom(...names), values, { maxKeys: names.length, noNullPrototype: true });
const word = fc.constantFrom('1', '2');
const optional = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });

const finalizers = fc.uniqueArray(often('example.dev/one', 'example.dev/two', 'plain'), { minLength: 1, maxLength: 2 });
const owners = fc.uniqueArray(fc.record({ of: target, blocks: fc.boolean(), controls: fc.boolean(), real: fc.boolean() }), {
  minLength: 1,
  maxLength: 2,
  selector: ({ of }) => JSON.stringify(of),
});

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

const fieldsOf: Readonly<Record<KindName, fc.Arbitrary<Record<string, unknown>>>> = {
  ConfigMap: optional({ data: some(word, 'k', 'l'), immutable: fc.constantFrom(false, false, true) }),
  Secret: optional({
    data: some(fc.constantFrom('MQ==', 'Mg=='), 'k', 'l'),
    type: fc.constantFrom('Opaque', 'Opaque', 'example.dev/t'),
  }),
  Deployment: deploymentSpec.map((spec) => ({ spec })),
  Widget: fc.oneof(
    { weight: 8, arbitrary: widgetSpec.map((spec) => ({ spec: { name: 'n', ...spec } })) },
    { weight: 1, arbitrary: widgetSpec.map((spec) => ({ spec, status: { phase: 'x' } })) },
  ),
};

const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** The server stores empty maps in the metadata of applied custom resources until the next write: nobody sees them. */
const isFull = (map: object): boolean => Object.keys(map).length > 0;

const contentOf = (kind: KindName): fc.Arbitrary<Content> =>
  fc
    .record({
      labels: sometimes(some(often('1', '2', 'no label value'), 'app', 'tier').filter(isFull)),
      annotations: sometimes(some(word, 'note').filter(isFull)),
      finalizers: sometimes(finalizers),
      owners: sometimes(owners),
      fields: fieldsOf[kind],
    })
    .map((content) => ({ ...defined(content), fields: content.fields }));

const defined = (fields: object): object => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const version = often<VersionNamed>('none', 'current', 'stale');
const rarely = fc.oneof(
  { weight: 20, arbitrary: fc.constant<VersionNamed>('none') },
  { weight: 1, arbitrary: fc.constant<VersionNamed>('current') },
);
const versionOfPut = often<VersionNamed>('current', 'none', 'stale');
const uid = often<UidNamed>('none', 'current', 'other');

/** Fields that a kind does not know are dropped by its schema, which the model leaves to `validate` and `defaults`. */
const fits = (kind: KindName, { op, path }: JsonOperation): boolean =>
  op !== 'add' || path !== '/data' || kind === 'ConfigMap' || kind === 'Secret';

const jsonOperation: fc.Arbitrary<JsonOperation> = fc.oneof(
  fc.constant<JsonOperation>({ op: 'test', path: '/metadata/uid', value: 'uid' }),
  fc.record<JsonOperation>({
    op: fc.constantFrom('add', 'replace', 'remove', 'test'),
    path: fc.constantFrom(
      '/metadata/labels/app',
      '/metadata/annotations/note',
      '/metadata/finalizers/0',
      '/data/k',
      '/spec/nested/a',
      '/spec/tags/0',
    ),
    value: fc.constantFrom('1', '2', 'example.dev/one'),
  }),
  fc.constantFrom<JsonOperation>(
    { op: 'test', path: '/metadata/finalizers', value: null },
    { op: 'add', path: '/metadata/finalizers', value: ['example.dev/one'] },
    { op: 'add', path: '/metadata/finalizers/-', value: 'example.dev/two' },
    { op: 'add', path: '/metadata/labels', value: { app: '1' } },
    { op: 'remove', path: '/metadata/finalizers' },
    { op: 'replace', path: '/spec/replicas', value: 2 },
    { op: 'add', path: '/data', value: { k: 'MQ==' } },
    { op: 'test', path: '/metadata/resourceVersion', value: 'version' },
  ),
);

const statusOf: Readonly<Record<KindName, fc.Arbitrary<Record<string, unknown>>>> = {
  ConfigMap: fc.constant({ phase: 'none' }),
  Secret: fc.constant({ phase: 'none' }),
  Deployment: optional({ replicas: fc.integer({ min: 1, max: 2 }), observedGeneration: fc.integer({ min: 1, max: 3 }) }),
  Widget: optional({
    phase: fc.constantFrom('on', 'off'),
    replicas: fc.integer({ min: 0, max: 2 }),
    selector: word,
    count: fc.integer({ min: 0, max: 2 }),
  }),
};

const withTarget = <T>(make: (target: Target) => fc.Arbitrary<T>): fc.Arbitrary<T> => target.chain(make);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: withTarget((of) =>
      fc.record({
        type: fc.constant('create' as const),
        target: fc.constant(of),
        manager,
        content: contentOf(of.kind),
        generated: often(false, true),
        version: rarely,
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: withTarget((of) =>
      fc.record({
        type: fc.constant('put' as const),
        target: fc.constant(of),
        manager,
        content: contentOf(of.kind),
        version: versionOfPut,
        uid,
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: withTarget((of) =>
      fc.record({
        type: fc.constant('merge' as const),
        target: fc.constant(of),
        manager,
        content: contentOf(of.kind),
        remove: fc.uniqueArray(fc.constantFrom('labels', 'annotations', 'finalizers', 'ownerReferences'), { maxLength: 1 }),
        version,
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: withTarget((of) =>
      fc.record({
        type: fc.constant('json' as const),
        target: fc.constant(of),
        manager,
        operations: fc.array(
          jsonOperation.filter((each) => fits(of.kind, each)),
          { minLength: 1, maxLength: 3 },
        ),
      }),
    ),
  },
  {
    weight: 9,
    arbitrary: withTarget((of) =>
      fc.record({
        type: fc.constant('apply' as const),
        target: fc.constant(of),
        manager,
        content: contentOf(of.kind),
        force: fc.boolean(),
        version,
        uid,
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: withTarget((of) =>
      fc.record({
        type: fc.constant('status' as const),
        how: fc.constantFrom('put', 'merge', 'json', 'apply'),
        target: fc.constant(of),
        manager,
        status: statusOf[of.kind],
        uid,
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('scale' as const),
      how: fc.constantFrom('get', 'put', 'merge'),
      target,
      manager,
      replicas: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('delete' as const),
      target,
      policy: fc.constantFrom('Background', 'Foreground', 'Orphan', undefined),
      version,
      uid,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('space' as const),
      how: fc.constantFrom('create', 'apply', 'delete', 'finalize'),
      finalizer: often(false, true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('list' as const),
      kind: kindName,
      labels: fc.constantFrom('', 'app', 'app=1', 'app!=1', '!tier', 'app in (1,2),tier'),
      limit: fc.constantFrom(0, 1),
    }),
  },
);

export const operations: fc.Arbitrary<Operation[]> = fc.array(operation, { minLength: 4, maxLength: 14, size: 'max' });
