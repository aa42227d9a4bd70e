/** What an API server has forgotten, because its history was compacted: the real one and its model, on which the simulation stands, say the same. */
import { connect, connectTo, isExpired, kind, KubeError, pathOf, type BaseObject, type Cluster } from 'kube-runtime';
import { ModelApiServer } from 'kube-model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startControlPlane, stopCluster, stopOrphans, takeDown, type ControlPlane } from '../../cluster/index.ts';
import { until } from '../../e2e/support/until.ts';
import { compactHistory } from '../support/compaction.ts';

const configMaps = kind<BaseObject & { readonly data?: Readonly<Record<string, string>> }>('v1', 'ConfigMap');
const namespace = 'default';
const path = pathOf(configMaps, { namespace });
const name = `faults-forgotten-${process.pid}`;

let plane: ControlPlane;
let real: Cluster;
const server = new ModelApiServer();
const model = connectTo(server.connect());

beforeAll(async () => {
  await stopOrphans();
  plane = await startControlPlane({ name, keeper: process.pid });
  real = await connect({ kubeconfig: plane.kubeconfig });
  await until('the namespace', async () => (await real.list(kind('v1', 'Namespace'))).some(({ metadata }) => metadata.name === namespace), {
    within: 20_000,
  });
});
afterAll(async () => {
  await real.close();
  await stopCluster(name);
});

async function forget(): Promise<void> {
  server.compact();
  const release = await takeDown(plane, 'kube-apiserver');
  await compactHistory(plane).finally(release);
  const answers = () => real.request({ path }).then(Boolean, () => false);
  await until('the API server to answer again', answers, { within: 60_000, every: 200 });
}

const list = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), data: z.record(z.string(), z.string()).optional() })),
});
type Query = NonNullable<Parameters<Cluster['request']>[0]['query']>;

/** What is in it, or why it is refused. */
async function listed(cluster: Cluster, query: Query): Promise<string> {
  try {
    const { items } = list.parse(await cluster.request({ path, query: { fieldSelector: 'metadata.name!=kube-root-ca.crt', ...query } }));
    return items.map(({ metadata, data }) => `${metadata.name}=${data?.['value'] ?? ''}`).join(' ');
  } catch (error) {
    if (error instanceof KubeError) return `${error.status} ${error.reason}`;
    throw error;
  }
}

/** The first event after a version, or why there is none. */
async function firstEvent(cluster: Cluster, resourceVersion: string): Promise<string> {
  const signal = AbortSignal.timeout(10_000);
  try {
    for await (const { type, object } of cluster.watch(configMaps, { namespace }, { resourceVersion, signal })) {
      if (type !== 'BOOKMARK') return `${type} ${object.metadata.name}`;
    }
    return 'no event';
  } catch (error) {
    if (isExpired(error)) return 'expired';
    throw error;
  }
}

interface Remembered {
  /** Of a list, and of its next page. */
  readonly version: string;
  readonly token: string;
}

/** Two objects, a list of them in pages, and what became of them since. */
async function prepare(cluster: Cluster): Promise<Remembered> {
  for (const each of ['a', 'b', 'c']) await cluster.create(configMaps, { metadata: { name: each, namespace }, data: { value: 'old' } });
  const { metadata } = list.parse(await cluster.request({ path, query: { limit: 1 } }));
  await cluster.patch(configMaps, { name: 'a', namespace }, { data: { value: 'new' } });
  await cluster.delete(configMaps, { name: 'b', namespace });
  return { version: metadata.resourceVersion, token: metadata.continue ?? '' };
}

/** Everything that leans on a version of the past. */
const looks = async (cluster: Cluster, { version, token }: Remembered) => ({
  'the list as it was': await listed(cluster, { resourceVersion: version, resourceVersionMatch: 'Exact' }),
  'its next page': await listed(cluster, { limit: 5, continue: token }),
  'a list no older': await listed(cluster, { resourceVersion: version, resourceVersionMatch: 'NotOlderThan' }),
  'a list as it is': await listed(cluster, {}),
  'a watch from there': await firstEvent(cluster, version),
});

test(
  'what is remembered is shown, and what is forgotten is refused (410), by the API server and by its model',
  { timeout: 120_000 },
  async () => {
    const [known, inModel] = [await prepare(real), await prepare(model)];
    const before = await looks(real, known);
    expect(before).toEqual({
      'the list as it was': 'a=old b=old c=old',
      'its next page': 'b=old c=old',
      'a list no older': 'a=new c=old',
      'a list as it is': 'a=new c=old',
      'a watch from there': 'MODIFIED a',
    });
    expect(await looks(model, inModel)).toEqual(before);
    await forget();
    const after = await looks(real, known);
    expect(after).toEqual({
      'the list as it was': '410 Expired',
      'its next page': '410 Expired',
      'a list no older': 'a=new c=old',
      'a list as it is': 'a=new c=old',
      'a watch from there': 'expired',
    });
    expect(await looks(model, inModel)).toEqual(after);
  },
);
