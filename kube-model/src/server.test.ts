import {
  connectTo,
  isConflict,
  isForbidden,
  isInvalid,
  isNamespaceTerminating,
  kind,
  KubeError,
  type BaseObject,
  type Resource,
} from 'kube-runtime';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { customKind } from './rules/served-kind.ts';
import { ModelApiServer } from './server.ts';

interface ConfigMap extends BaseObject {
  readonly data?: Readonly<Record<string, string>>;
}
const configMaps = kind<ConfigMap>('v1', 'ConfigMap');
const namespaces = kind('v1', 'Namespace');
const deployments = kind('apps/v1', 'Deployment');
const pods = kind('v1', 'Pod');
const autoscalers = kind('autoscaling/v2', 'HorizontalPodAutoscaler');
const quotas = kind('v1', 'ResourceQuota');
const greetings = kind<Resource<{ readonly name: string }, { readonly said?: string }>>('example.dev/v1', 'Greeting');

let server: ModelApiServer;
const client = () => {
  const connection = server.connect({ user: 'tester' });
  return { connection, cluster: connectTo(connection, { fieldManager: 'tester' }) };
};
const failure = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof KubeError)) throw new Error('expected a KubeError', { cause: error });
  return error;
};
const settings = { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1', b: '2' } };

beforeEach(() => {
  server = new ModelApiServer({ kinds: [customKind(greetings)] });
});

describe('the client of kube-runtime on the model', () => {
  test('applies, removes what it no longer applies, and writes nothing the second time', async () => {
    const { cluster } = client();
    await cluster.apply(configMaps, settings);
    const { object } = await cluster.apply(configMaps, { ...settings, data: { a: '1' } });
    expect(object.data).toEqual({ a: '1' });
    const { outcome } = await cluster.apply(configMaps, { ...settings, data: { a: '1' } });
    expect(outcome).toBe('unchanged');
    expect(server.history().filter(({ who }) => who === 'tester')).toHaveLength(2);
  });

  test('has what its server says that it has', async () => {
    const { cluster } = client();
    const path = '/api/v1/namespaces/default/configmaps/settings';
    expect(server.has(path)).toBe(false);
    await cluster.apply(configMaps, settings);
    expect(server.has(path)).toBe(true);
    await cluster.delete(configMaps, settings.metadata);
    expect(server.has(path)).toBe(false);
    expect(server.has('/api/v1/namespaces/default/status')).toBe(true);
  });

  test('is refused a stale write, and a field of another manager without force', async () => {
    const { cluster } = client();
    const { object } = await cluster.apply(configMaps, settings);
    const other = connectTo(server.connect(), { fieldManager: 'other' });
    await other.patch(configMaps, settings.metadata, { data: { a: '3' } });
    const put = { method: 'PUT', path: '/api/v1/namespaces/default/configmaps/settings', body: { ...object } } as const;
    expect(isConflict(await failure(cluster.request(put)))).toBe(true);
    const { causes } = await failure(cluster.apply(configMaps, settings, { force: false }));
    expect(causes).toEqual([{ reason: 'FieldManagerConflict', field: '.data.a' }]);
  });

  test('fills its caches by list and watch, in the order in which the simulation delivers', async () => {
    const { connection, cluster } = client();
    const informer = cluster.informer(configMaps);
    informer.start();
    await informer.whenSynced();
    await turn();
    connection.delivery = 'held';
    const writer = client().cluster;
    await writer.create(configMaps, settings);
    await writer.patch(configMaps, settings.metadata, { data: { a: 'new' } });
    expect(server.pending().map(({ watch }) => watch.pending.map(({ type }) => type))).toEqual([['ADDED', 'MODIFIED']]);
    server.deliver(connection, 1);
    await turn();
    expect(informer.get(settings.metadata)?.data).toEqual({ a: '1', b: '2' });
    server.deliver(connection);
    await turn();
    expect(informer.get(settings.metadata)?.data).toEqual({ a: 'new', b: '2' });
    await cluster.close();
  });

  test('lists again when its watch has fallen behind what the server remembers', async () => {
    const { connection, cluster } = client();
    const informer = cluster.informer(configMaps);
    informer.start();
    await informer.whenSynced();
    await turn();
    connection.delivery = 'held';
    await client().cluster.create(configMaps, settings);
    server.compact();
    for (const watch of connection.watches) watch.expire();
    await vi.waitFor(() => expect(informer.get(settings.metadata)?.data).toEqual(settings.data)); // the client's pauses are real time
    await cluster.close();
  });
});

describe('a connection', () => {
  test('loses a request before or its answer after it was carried out', async () => {
    const { connection, cluster } = client();
    connection.faults = (_, index) =>
      index === 0 ? { before: 'reset' } : index === 1 ? { after: { code: 500, message: 'lost' } } : undefined;
    expect(await failure(cluster.create(configMaps, settings))).toMatchObject({ status: 0, reason: 'Unreachable' });
    expect(server.objects().some(({ metadata }) => metadata.name === 'settings')).toBe(false);
    expect(await failure(cluster.create(configMaps, settings))).toMatchObject({ status: 500, reason: 'InternalError' });
    expect(await failure(cluster.create(configMaps, settings))).toMatchObject({ status: 409, reason: 'AlreadyExists' });
  });

  test('that is behind reads an earlier state', async () => {
    const { connection, cluster } = client();
    await cluster.create(configMaps, settings);
    await cluster.patch(configMaps, settings.metadata, { data: { a: 'new' } });
    connection.lag = 1;
    expect((await cluster.get(configMaps, settings.metadata))?.data?.['a']).toBe('1');
    connection.lag = 2;
    expect(await cluster.get(configMaps, settings.metadata)).toBeUndefined();
  });
});

describe('deletion', () => {
  test('waits for finalizers, allows no new ones then, and ends with the last', async () => {
    const { cluster } = client();
    await cluster.create(configMaps, { ...settings, metadata: { ...settings.metadata, finalizers: ['example.dev/wait'] } });
    await cluster.delete(configMaps, settings.metadata);
    const live = await cluster.get(configMaps, settings.metadata);
    expect(live?.metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z');
    const more = { metadata: { finalizers: ['example.dev/wait', 'example.dev/more'] } };
    expect(isInvalid(await failure(cluster.patch(configMaps, settings.metadata, more)))).toBe(true);
    await cluster.patch(configMaps, settings.metadata, { metadata: { finalizers: null } });
    expect(await cluster.get(configMaps, settings.metadata)).toBeUndefined();
  });

  test('of a namespace refuses new objects, empties it and ends it, one step at a time', async () => {
    const { cluster } = client();
    await cluster.create(namespaces, { metadata: { name: 'acme' } });
    await cluster.create(configMaps, { metadata: { name: 'one', namespace: 'acme' } });
    await cluster.delete(namespaces, { name: 'acme' });
    const refused = await failure(cluster.create(configMaps, { metadata: { name: 'two', namespace: 'acme' } }));
    expect([isForbidden(refused), isNamespaceTerminating(refused)]).toEqual([true, true]);
    expect(server.controllers.settle()).toContain('namespace controller: delete ConfigMap acme/one');
    expect(await cluster.get(namespaces, { name: 'acme' })).toBeUndefined();
  });

  test('of an owner takes its dependents along', async () => {
    const { cluster } = client();
    const greeting = await cluster.create(greetings, { metadata: { name: 'hello', namespace: 'default' }, spec: { name: 'you' } });
    await cluster.apply(configMaps, settings, { owner: greeting });
    await cluster.delete(greetings, greeting);
    server.controllers.settle();
    expect(await cluster.get(configMaps, settings.metadata)).toBeUndefined();
  });
});

test('a server can begin where another one is, and both go on alone', async () => {
  const { cluster } = client();
  const { object } = await cluster.apply(configMaps, settings);
  const fork = () => new ModelApiServer({ from: server });
  const [one, two] = [fork(), fork()];
  const create = async (on: ModelApiServer) => {
    await connectTo(on.connect()).create(configMaps, { metadata: { name: 'another', namespace: 'default' } });
    return on.objects().map(({ metadata }) => [metadata.name, metadata.uid, metadata.resourceVersion]);
  };
  expect(await create(one)).toEqual(await create(two));
  expect(one.history()).toHaveLength(1);
  expect(await connectTo(one.connect()).get(configMaps, object.metadata)).toEqual(object);
  expect(await cluster.list(configMaps)).toHaveLength(1);
});

test('late watches do not make reads late where the server answers those from the newest state', async () => {
  const { connection, cluster } = client();
  connection.late = 'watches';
  connection.lag = 100;
  await cluster.create(configMaps, settings);
  expect(await cluster.list(configMaps)).toHaveLength(1);
  connection.late = 'reads and watches';
  expect(await cluster.list(configMaps)).toHaveLength(0);
});

describe('controllers', () => {
  test('give a Deployment ready pods and tell of them', async () => {
    const { cluster } = client();
    const labels = { app: 'x' };
    const spec = {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'main' }] } },
    };
    await cluster.apply(deployments, { metadata: { name: 'web', namespace: 'default' }, spec });
    server.controllers.settle();
    expect(await cluster.list(pods, { labelSelector: 'app=x' })).toHaveLength(2);
    const web = await cluster.get(deployments, { name: 'web', namespace: 'default' });
    expect(web?.['status']).toMatchObject({ observedGeneration: 1, readyReplicas: 2 });
  });

  test('bring a Deployment to the fewest replicas of its autoscaler, and leave one at zero', async () => {
    const { cluster } = client();
    const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'main', image: 'main' }] } };
    const replicasAfter = async (name: string, replicas: number) => {
      const spec = { replicas, selector: { matchLabels: { app: 'x' } }, template };
      await cluster.apply(deployments, { metadata: { name, namespace: 'default' }, spec });
      const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
      await cluster.apply(autoscalers, {
        metadata: { name, namespace: 'default' },
        spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 3 },
      });
      server.controllers.settle();
      return (await cluster.get(deployments, { name, namespace: 'default' }))?.['spec'];
    };
    expect(await replicasAfter('many', 9)).toMatchObject({ replicas: 2 });
    expect(await replicasAfter('none', 0)).toMatchObject({ replicas: 0 });
  });

  test('count quotas, and what does not fit is refused', async () => {
    const { cluster } = client();
    await cluster.apply(quotas, { metadata: { name: 'caps', namespace: 'default' }, spec: { hard: { 'count/configmaps': '2' } } });
    server.controllers.settle();
    await cluster.create(configMaps, settings);
    const another = { metadata: { name: 'another', namespace: 'default' } };
    expect(isForbidden(await failure(cluster.create(configMaps, another)))).toBe(true);
  });
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
