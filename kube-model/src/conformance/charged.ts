/** Sequences in which quotas count what is made, and refuse what does not fit. */
import fc from 'fast-check';
import { often } from './arbitraries.ts';
import { fieldsOf } from './contents.ts';
import type { KindName } from './kinds.fixture.ts';
import type { Operation, Target } from './operation.ts';

const manager = fc.constantFrom('x', 'y');
const name = fc.constantFrom('a', 'b', 'c');

/** Names by which quotas count, of kinds that are made here. */
const counted = fc.constantFrom(
  'configmaps',
  'secrets',
  'services',
  'resourcequotas',
  'count/configmaps',
  'count/secrets',
  'count/deployments.apps',
  'count/leases.coordination.k8s.io',
  'count/widgets.kube-model.test',
);
const amounts = (most: number) =>
  fc.dictionary(counted, fc.integer({ min: 0, max: most }).map(String), { maxKeys: 3, noNullPrototype: true });

const made = fc.constantFrom<KindName>('ConfigMap', 'ConfigMap', 'Secret', 'Service', 'Deployment', 'Lease', 'Widget');
const target = fc.record<Target>({ kind: made, space: fc.constant(0), name });
const quota = fc.record<Target>({ kind: fc.constant('ResourceQuota'), space: fc.constant(0), name: fc.constantFrom('a', 'b') });

const creation = (of: Target, fields: fc.Arbitrary<Readonly<Record<string, unknown>>>): fc.Arbitrary<Operation> =>
  fc.record({
    type: fc.constant('create' as const),
    target: fc.constant(of),
    manager,
    content: fc.record({ fields }),
    generated: often(false, true),
    version: fc.constant('none' as const),
  });

const quotaFields = amounts(2).map((hard) => ({ spec: { hard } }));
const scopedFields = amounts(1).map((hard) => ({ spec: { hard, scopes: ['NotTerminating'] } }));

/** As the quota controller would, which is not there: what is counted, and what has been by now. */
const counting: fc.Arbitrary<Operation> = fc.record({
  type: fc.constant('status' as const),
  how: fc.constant('merge' as const),
  target: quota,
  manager,
  status: fc.oneof(
    { weight: 4, arbitrary: amounts(2).chain((hard) => fc.record({ hard: fc.constant(hard), used: usedOf(hard) })) },
    { weight: 1, arbitrary: fc.record({ hard: amounts(2), used: amounts(3) }) },
  ),
  uid: fc.constant('none' as const),
});

const usedOf = (hard: Readonly<Record<string, string>>): fc.Arbitrary<Record<string, string>> =>
  fc.record(Object.fromEntries(Object.keys(hard).map((each) => [each, fc.constantFrom('0', '1')])));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: target.chain((of) => creation(of, fieldsOf[of.kind])) },
  {
    weight: 3,
    arbitrary: target.chain((of) =>
      fc.record({
        type: fc.constant('apply' as const),
        target: fc.constant(of),
        manager,
        content: fc.record({ fields: fieldsOf[of.kind] }),
        force: fc.constant(true),
        version: fc.constant('none' as const),
        uid: fc.constant('none' as const),
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: target.chain((of) =>
      fc.record({
        type: fc.constant('put' as const),
        target: fc.constant(of),
        manager,
        content: fc.record({ fields: fieldsOf[of.kind] }),
        version: fc.constant('current' as const),
        uid: fc.constant('none' as const),
      }),
    ),
  },
  { weight: 2, arbitrary: fc.oneof(target, quota).map(deletionOf) },
  { weight: 3, arbitrary: counting },
  {
    weight: 2,
    arbitrary: quota.chain((of) =>
      fc.oneof({ weight: 4, arbitrary: creation(of, quotaFields) }, { weight: 1, arbitrary: creation(of, scopedFields) }),
    ),
  },
);

function deletionOf(of: Target): Operation {
  return { type: 'delete', target: of, policy: 'Background', version: 'none', uid: 'none' };
}

const first: Target = { kind: 'ResourceQuota', space: 0, name: 'a' };

/** Begin with a quota that is in force. */
export const chargedOperations: fc.Arbitrary<Operation[]> = fc
  .tuple(
    creation(first, quotaFields),
    counting.map((one) => ({ ...one, target: first })),
    fc.array(operation, { minLength: 4, maxLength: 10, size: 'max' }),
  )
  .map(([begins, counts, rest]) => [begins, counts, ...rest]);
