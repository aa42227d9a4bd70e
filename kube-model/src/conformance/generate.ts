import fc from 'fast-check';
import { isFull, often, some, word } from './arbitraries.ts';
import { childKinds } from './children.ts';
import { fieldsOf, statusOf } from './contents.ts';
import type { KindName } from './kinds.fixture.ts';
import type { Content, JsonOperation, Operation, StateNamed, Target, UidNamed, VersionNamed } from './operation.ts';

/** From what targets and owners are drawn. */
interface Choice {
  readonly kind: fc.Arbitrary<KindName>;
  readonly target: fc.Arbitrary<Target>;
}

const space = fc.oneof({ weight: 6, arbitrary: fc.constant<0>(0) }, { weight: 1, arbitrary: fc.constant<1>(1) });
const choiceOf = (kind: fc.Arbitrary<KindName>, name: fc.Arbitrary<string>): Choice => ({
  kind,
  target: fc.record<Target>({ kind, space, name }),
});

const manager = fc.constantFrom('x', 'y');

const finalizers = fc.uniqueArray(often('example.dev/one', 'example.dev/two', 'plain'), { minLength: 1, maxLength: 2 });
const ownersAmong = (target: fc.Arbitrary<Target>) =>
  fc.uniqueArray(fc.record({ of: target, blocks: fc.boolean(), controls: fc.boolean(), real: fc.boolean() }), {
    minLength: 1,
    maxLength: 2,
    selector: ({ of }) => JSON.stringify(of),
  });

const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** The server stores empty maps in the metadata of applied custom resources until the next write: nobody sees them. */
const contentOf = (kind: KindName, { target }: Choice): fc.Arbitrary<Content> =>
  fc
    .record({
      labels: sometimes(some(often('1', '2', 'no label value'), 'app', 'tier').filter(isFull)),
      annotations: sometimes(some(word, 'note').filter(isFull)),
      finalizers: sometimes(finalizers),
      owners: sometimes(ownersAmong(target)),
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

const hasSpec: ReadonlySet<KindName> = new Set([
  'HorizontalPodAutoscaler',
  'Ingress',
  'Lease',
  'LimitRange',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'ResourceQuota',
  'Service',
]);

/** Fields that a kind does not know are dropped by its schema, which the model leaves to `validate` and `defaults`. */
const fits = (kind: KindName, { op, path }: JsonOperation): boolean => {
  if (op === 'add' && path === '/data') return kind === 'ConfigMap' || kind === 'Secret';
  return path !== '/spec/replicas' || kind === 'Deployment' || kind === 'Widget' || !hasSpec.has(kind);
};

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

const creation = (choice: Choice) =>
  choice.target.chain((of) =>
    fc.record({
      type: fc.constant('create' as const),
      target: fc.constant(of),
      manager,
      content: contentOf(of.kind, choice),
      generated: often(false, true),
      version: rarely,
    }),
  );

const replacement = (choice: Choice) =>
  choice.target.chain((of) =>
    fc.record({
      type: fc.constant('put' as const),
      target: fc.constant(of),
      manager,
      content: contentOf(of.kind, choice),
      version: versionOfPut,
      uid,
    }),
  );

const mergePatch = (choice: Choice) =>
  choice.target.chain((of) =>
    fc.record({
      type: fc.constant('merge' as const),
      target: fc.constant(of),
      manager,
      content: contentOf(of.kind, choice),
      remove: fc.uniqueArray(fc.constantFrom('labels', 'annotations', 'finalizers', 'ownerReferences'), { maxLength: 1 }),
      version,
    }),
  );

const jsonPatch = ({ target }: Choice) =>
  target.chain((of) =>
    fc.record({
      type: fc.constant('json' as const),
      target: fc.constant(of),
      manager,
      operations: fc.array(
        jsonOperation.filter((each) => fits(of.kind, each)),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  );

const application = (choice: Choice) =>
  choice.target.chain((of) =>
    fc.record({
      type: fc.constant('apply' as const),
      target: fc.constant(of),
      manager,
      content: contentOf(of.kind, choice),
      force: fc.boolean(),
      version,
      uid,
    }),
  );

const statusWrite = ({ target }: Choice) =>
  target.chain((of) =>
    fc.record({
      type: fc.constant('status' as const),
      how: fc.constantFrom('put', 'merge', 'json', 'apply'),
      target: fc.constant(of),
      manager,
      status: statusOf[of.kind],
      uid,
    }),
  );

const scaling = ({ target }: Choice) =>
  fc.record({
    type: fc.constant('scale' as const),
    how: fc.constantFrom('get', 'put', 'merge'),
    target,
    manager,
    replicas: fc.integer({ min: 0, max: 3 }),
  });

const deletion = ({ target }: Choice) =>
  fc.record({
    type: fc.constant('delete' as const),
    target,
    policy: fc.constantFrom('Background', 'Foreground', 'Orphan', undefined),
    version,
    uid,
  });

const spaceChange = fc.record({
  type: fc.constant('space' as const),
  how: fc.constantFrom('create', 'apply', 'delete', 'finalize'),
  finalizer: often(false, true),
});

const listing = ({ kind }: Choice) =>
  fc.record({
    type: fc.constant('list' as const),
    kind,
    labels: often('', 'app', 'app=1', 'app!=1', '!tier', 'app in (1,2),tier'),
    limit: fc.constantFrom(0, 1),
    at: fc.constantFrom<StateNamed>('now', 'fresh', 'earlier', 'next page'),
  });

const sequencesOf = (choice: Choice): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.oneof<fc.MaybeWeightedArbitrary<Operation>[]>(
      { weight: 6, arbitrary: creation(choice) },
      { weight: 3, arbitrary: replacement(choice) },
      { weight: 3, arbitrary: mergePatch(choice) },
      { weight: 3, arbitrary: jsonPatch(choice) },
      { weight: 9, arbitrary: application(choice) },
      { weight: 3, arbitrary: statusWrite(choice) },
      { weight: 1, arbitrary: scaling(choice) },
      { weight: 4, arbitrary: deletion(choice) },
      { weight: 2, arbitrary: spaceChange },
      { weight: 3, arbitrary: listing(choice) },
    ),
    { minLength: 4, maxLength: 14, size: 'max' },
  );

const usualKind = fc.oneof(
  { weight: 4, arbitrary: fc.constant<KindName>('ConfigMap') },
  { weight: 4, arbitrary: fc.constant<KindName>('Widget') },
  { weight: 2, arbitrary: fc.constant<KindName>('Deployment') },
  { weight: 2, arbitrary: fc.constant<KindName>('Secret') },
  { weight: 2, arbitrary: fc.constant<KindName>('Service') },
  { weight: 2, arbitrary: fc.constant<KindName>('ResourceQuota') },
  { weight: 2, arbitrary: fc.constant<KindName>('Lease') },
);

export const operations = sequencesOf(choiceOf(usualKind, fc.constantFrom('a', 'b')));

/** On one kind or two of those that fence in, let in and scale, each by many writes. Not every kind takes every name. */
export const operationsOnChildren = fc
  .uniqueArray(fc.constantFrom<KindName>(...childKinds), { minLength: 1, maxLength: 2 })
  .chain((kinds) =>
    sequencesOf(
      choiceOf(
        fc.constantFrom(...kinds),
        fc.oneof({ weight: 12, arbitrary: fc.constantFrom('a', 'b') }, { weight: 1, arbitrary: fc.constant('A.b') }),
      ),
    ),
  );
