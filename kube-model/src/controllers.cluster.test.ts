/**
 * Garbage collection and the end of namespaces, on the model and on a cluster with Kubernetes' own controllers: whatever owned what, and
 * however it was deleted, the same objects are left with the same owners and finalizers.
 *
 * CLOISTER_TEST_CONTROLLERS_KUBECONFIG names the cluster. The seed is fixed; CONFORMANCE_SEED sets another.
 */
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, connectTo, kind, type Cluster, type OwnerReference } from 'kube-runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ModelApiServer } from './server.ts';

const configMaps = kind('v1', 'ConfigMap');
const namespaces = kind('v1', 'Namespace');

interface Node {
  /** Earlier objects, by how far back they are, and whether each waits for this one in the foreground. */
  readonly owners: readonly { readonly back: number; readonly blocks: boolean }[];
  /** Has an owner that never was. */
  readonly lost: boolean;
  /** Has a finalizer that nobody takes off. */
  readonly held: boolean;
}

interface Family {
  readonly nodes: readonly Node[];
  readonly deletions: readonly { readonly index: number; readonly propagation: 'Background' | 'Foreground' | 'Orphan' }[];
  /** The namespace goes at the end, too. */
  readonly all: boolean;
}

const seldom = fc.nat(7).map((drawn) => drawn === 0);
const node = fc.record<Node>({
  owners: fc.uniqueArray(fc.record({ back: fc.integer({ min: 1, max: 3 }), blocks: fc.boolean() }), {
    minLength: 1,
    maxLength: 2,
    selector: ({ back }) => back,
  }),
  lost: seldom,
  held: seldom,
});
const family = fc.record<Family>({
  nodes: fc.array(node, { minLength: 3, maxLength: 6, size: 'max' }),
  deletions: fc.array(
    fc.record({ index: fc.integer({ min: 0, max: 2 }), propagation: fc.constantFrom('Background', 'Foreground', 'Orphan') }),
    { minLength: 1, maxLength: 3 },
  ),
  all: seldom,
});

const nameOf = (index: number): string => `n${index}`;

async function build(cluster: Cluster, namespace: string, { nodes }: Family): Promise<string[]> {
  await cluster.create(namespaces, { metadata: { name: namespace } });
  const uids: string[] = [];
  for (const [index, { owners, lost, held }] of nodes.entries()) {
    const refer = (name: string, uid: string, blocks: boolean): OwnerReference => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name,
      uid,
      ...(blocks && { blockOwnerDeletion: true }),
    });
    const ownerReferences = owners.flatMap(({ back, blocks }) => {
      const uid = uids[index - back];
      return uid === undefined ? [] : [refer(nameOf(index - back), uid, blocks)];
    });
    if (lost) ownerReferences.push(refer('lost', '11111111-1111-4111-8111-111111111111', false));
    const metadata = { name: nameOf(index), namespace, ownerReferences, finalizers: held ? ['example.dev/held'] : [] };
    uids.push((await cluster.create(configMaps, { metadata })).metadata.uid ?? '');
  }
  return uids;
}

/** One deletion after the other, each carried through to its end: how two that overlap end is a matter of time on a real cluster. */
function deletionsOf({ deletions, all }: Family): ((cluster: Cluster, namespace: string) => Promise<unknown>)[] {
  const some = deletions.map(
    ({ index, propagation }) =>
      (cluster: Cluster, namespace: string) =>
        cluster.delete(configMaps, { name: nameOf(index), namespace }, { propagation }),
  );
  return all ? [...some, (cluster, namespace) => cluster.delete(namespaces, { name: namespace })] : some;
}

/**
 * What is left, with owners by name. Of what is going itself, owners that are gone are not told: whether they were taken off before the last
 * of them went is a matter of time on a real cluster.
 */
async function left(cluster: Cluster, namespace: string): Promise<readonly string[]> {
  const found = await cluster.list(configMaps, { namespace });
  const own = found.filter(({ metadata }) => /^n\d+$/.test(metadata.name));
  const there = new Set(own.map(({ metadata }) => metadata.uid));
  const space = await cluster.get(namespaces, { name: namespace });
  return [
    `namespace ${space ? (space.metadata.deletionTimestamp ? 'going' : 'there') : 'gone'}`,
    ...own.map(({ metadata: { name, ownerReferences = [], finalizers = [], deletionTimestamp } }) =>
      [
        name,
        deletionTimestamp ? 'going' : '',
        ...ownerReferences.filter(({ uid }) => !deletionTimestamp || there.has(uid)).map((owner) => owner.name),
        ...finalizers,
      ].join(' '),
    ),
  ];
}

const waiting = { timeout: 60_000, interval: 250 };
let real: Cluster;
const run = randomBytes(3).toString('hex');

beforeAll(async () => {
  const kubeconfig = process.env['CLOISTER_TEST_CONTROLLERS_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_CONTROLLERS_KUBECONFIG to a cluster with controllers, or use "make test"');
  real = await connect({ kubeconfig });
});
afterAll(() => real.close());

const seed = Number(process.env['CONFORMANCE_SEED'] ?? 1);
const families = fc.sample(family, { numRuns: 24, seed }).map((each, index) => ({ each, index }));

test.concurrent.each(families)(
  `the model’s controllers leave what those of Kubernetes leave (seed ${seed}, $index)`,
  async ({ each, index }) => {
    const namespace = `kc-${run}-g${index}`;
    const server = new ModelApiServer();
    const model = connectTo(server.connect());
    await build(model, namespace, each);
    await build(real, namespace, each);
    const comeToRest = async (): Promise<void> => {
      server.controllers.settle();
      const expected = await left(model, namespace);
      await vi.waitFor(async () => expect(await left(real, namespace), JSON.stringify(each)).toEqual(expected), waiting);
    };
    await comeToRest();
    for (const remove of deletionsOf(each)) {
      await pause(500); // the collector must know of owners before they go, or it takes their dependents for orphans
      await remove(model, namespace);
      await remove(real, namespace);
      await comeToRest();
    }
    await release(real, namespace);
  },
  150_000,
);

/** Nothing may be left behind in a cluster that others use. */
async function release(cluster: Cluster, namespace: string): Promise<void> {
  for (const { metadata } of await cluster.list(configMaps, { namespace }))
    if (metadata.finalizers?.length) await cluster.patch(configMaps, metadata, { metadata: { finalizers: null } });
  await cluster.delete(namespaces, { name: namespace });
}
