/** The operator's rights are what it needs: the rest of the simulation shows that none is missing, and this that none is too much. */
import { expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { undisturbedRun } from './compare.ts';
import { granted } from './rights.ts';
import { simulate } from './run.ts';
import { workloadNamed, workloads, type Act, type Workload } from './workloads.ts';

const seed = 1;

/** More often than its revisions are kept. Not among the others, each of which is run under every fault: it would take as long as all of them. */
const oftenEdited: Workload = {
  name: 'a class is edited again and again',
  before: [],
  acts: Array.from({ length: 8 }, (_, index): Act => {
    const spec = { nodeSelector: { pool: String(index) } };
    return ({ person }) => person.edit(kinds.tenantClasses, { name: 'gold' }, { spec });
  }),
};

/** An Event that is told again within six minutes is counted up. */
const oftenSuspended: Workload = {
  name: 'a tenant is suspended again and again',
  before: [({ person }) => person.tenant('acme')],
  acts: ['Suspended', 'Active', 'Suspended'].map(
    (state): Act =>
      ({ person }) =>
        person.editTenant('acme', { state }),
  ),
};

interface Reason {
  readonly why: string;
  readonly rights: readonly string[];
}

/** What no workload makes use of, and why it is granted all the same. */
const unused: readonly Reason[] = [
  {
    why: "Kubernetes lets nobody give what they do not hold: these are in the roles of a tenant's owners, editors and viewers",
    rights: [
      ...['create', 'patch', 'update'].map((verb) => `cloister.dev/agentconfigs ${verb}`),
      ...['get', 'patch', 'update'].map((verb) => `cloister.dev/agentconfigs/scale ${verb}`),
      ...['get', 'list', 'watch'].flatMap((verb) => [`core/events ${verb}`, `events.k8s.io/events ${verb}`]),
      'core/pods get',
      'core/pods/log get',
    ],
  },
  {
    why: 'where the cluster asks for it (OwnerReferencesPermissionEnforcement), nobody names an owner without it',
    rights: ['tenants', 'agentconfigs', 'tenantclasses', 'modelproviders'].map((resource) => `cloister.dev/${resource}/finalizers update`),
  },
  {
    why: 'processes of the simulation have no lease: test/faults/operator/leadership.test.ts',
    rights: ['create', 'get', 'update'].map((verb) => `coordination.k8s.io/leases ${verb}`),
  },
  {
    why: "what Kubernetes' garbage collector has missed: test/faults/operator/strays.test.ts",
    rights: ['apps/replicasets get', 'apps/replicasets delete', 'core/pods delete'],
  },
];

test('every right of the operator is made use of by some workload, or there is a reason that stands here', async () => {
  const used = new Set<string>();
  for (const workload of [...workloads, oftenEdited, oftenSuspended])
    for (const right of (await undisturbedRun(workload, seed)).rightsUsed) used.add(right);
  // What a cache would hold is looked at where the cache is behind, and somebody was quicker.
  for (const chance of [seed, 2, 3, 4]) {
    const { rightsUsed } = await simulate(workloadNamed('a tenant and its agents are created'), 'two-leaders', chance);
    for (const right of rightsUsed) used.add(right);
  }
  const reasoned = unused.flatMap(({ rights }) => rights);
  expect([...granted].filter((right) => !used.has(right)).sort()).toEqual(reasoned.sort());
});
