import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import type { Write } from '../cluster/request.ts';
import { isConflict } from '../errors.ts';
import { kind } from '../kind.ts';
import type { KubeObject } from '../resource.ts';
import {
  configMaps,
  connectReal,
  freshNamespace,
  greetings,
  installKinds,
  namespaces,
  recordWrites,
} from '../testing/real-cluster.fixture.ts';
import { eventually } from '../testing/eventually.ts';
import { children, labels } from './children.fixture.ts';

let cluster: Cluster;
let stranger: Cluster;
let namespace: string;
let writes: Write[];

beforeAll(async () => {
  cluster = await connectReal({ fieldManager: 'tester' });
  stranger = await connectReal({ fieldManager: 'stranger' });
  await installKinds(cluster);
  namespace = await freshNamespace(cluster);
  writes = recordWrites(cluster);
});
beforeEach(() => void writes.splice(0));
afterAll(async () => {
  await cluster.delete(namespaces, { name: namespace });
  await Promise.all([cluster.close(), stranger.close()]);
});

describe('a second apply by a process that remembers nothing writes nothing', () => {
  test.each(children)('%s %s', async (apiVersion, name, fields) => {
    const of = kind(apiVersion, name);
    const desired = { metadata: { name: 'quiet', namespace, labels, annotations: {} }, ...fields };
    expect((await cluster.apply(of, desired)).outcome).toBe('created');
    const restarted = await connectReal({ fieldManager: 'tester' });
    const afterRestart = recordWrites(restarted);
    expect((await restarted.apply(of, desired)).outcome).toBe('unchanged');
    expect(afterRestart).toEqual([]);
    await restarted.close();
  });
});

describe('apply', () => {
  const target = (name: string) => ({ name, namespace });

  test('puts back what somebody else changed, and leaves alone what somebody else added', async () => {
    const desired = { metadata: target('drift'), data: { ours: '1' } };
    await cluster.apply(configMaps, desired);
    await stranger.patch(configMaps, target('drift'), { data: { ours: 'drifted', theirs: 'kept' } });
    expect((await cluster.apply(configMaps, desired)).outcome).toBe('changed');
    expect((await cluster.get(configMaps, target('drift')))?.data).toEqual({ ours: '1', theirs: 'kept' });
    expect((await cluster.apply(configMaps, desired)).outcome).toBe('unchanged');
  });

  test('takes a field over from another manager, unless it is told to ask', async () => {
    const desired = { metadata: target('contested'), data: { ours: '1' } };
    await stranger.apply(configMaps, { metadata: target('contested'), data: { ours: 'theirs' } });
    await expect(cluster.apply(configMaps, desired, { force: false })).rejects.toSatisfy(isConflict);
    expect((await cluster.get(configMaps, target('contested')))?.data).toEqual({ ours: 'theirs' });
    expect((await cluster.apply(configMaps, desired)).object.data).toEqual({ ours: '1' });
  });

  test('removes a field that is no longer wanted, even after a restart in between', async () => {
    await cluster.apply(configMaps, { metadata: { ...target('removal'), labels: { a: '1', b: '2' } }, data: { kept: '1', dropped: '2' } });
    const restarted = await connectReal({ fieldManager: 'tester' });
    await restarted.apply(configMaps, { metadata: { ...target('removal'), labels: { a: '1' } }, data: { kept: '1' } });
    const live = await restarted.get(configMaps, target('removal'));
    expect(live?.data).toEqual({ kept: '1' });
    expect(live?.metadata.labels).toEqual({ a: '1' });
    await restarted.close();
  });

  test('changes one environment variable of a Deployment and drops another, and keeps an injected container', async () => {
    const deployments = kind('apps/v1', 'Deployment');
    const deployment = (env: object[]) => ({
      metadata: target('env'),
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'a', env }] } },
      },
    });
    await cluster.apply(
      deployments,
      deployment([
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ]),
    );
    await stranger.patch(deployments, target('env'), [
      { op: 'add', path: '/spec/template/spec/containers/0', value: { name: 'proxy', image: 'p' } },
    ]);
    expect(
      (
        await cluster.apply(
          deployments,
          deployment([
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ]),
        )
      ).outcome,
    ).toBe('unchanged');
    await cluster.apply(deployments, deployment([{ name: 'A', value: '9' }]));
    const live = await cluster.get(deployments, target('env'));
    expect(live).toMatchObject({
      spec: { template: { spec: { containers: [{ name: 'proxy' }, { name: 'main', env: [{ name: 'A', value: '9' }] }] } } },
    });
  });

  test('keeps fields of a custom resource that no type knows', async () => {
    const desired: KubeObject & { metadata: { name: string } } = {
      metadata: target('open'),
      spec: { name: 'x', deep: { new: [1, { field: true }] } },
    };
    await cluster.apply(kind('kube-runtime.test/v1', 'Greeting'), desired);
    expect(await cluster.get(greetings, target('open'))).toMatchObject({ spec: { deep: { new: [1, { field: true }] } } });
  });

  test('leaves a write that the server turns into something else at one', async () => {
    const things = kind('autoscaling/v2', 'HorizontalPodAutoscaler');
    // metrics are an atomic list, which the server sorts into an order of its own
    const desired = {
      metadata: target('reordered'),
      spec: {
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' },
        behavior: { scaleDown: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } },
        metrics: [{ type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '0.5Gi' } } }],
      },
    };
    for (let i = 0; i < 3; i++) await cluster.apply(things, desired);
    expect(writes).toHaveLength(1);
  });

  test('does not repeat its own write while the cache is still behind', async () => {
    const informer = cluster.informer(configMaps, { namespace });
    informer.start();
    await informer.whenSynced();
    for (let i = 0; i < 5; i++) await cluster.apply(configMaps, { metadata: target('fast'), data: { n: '1' } });
    expect(writes).toHaveLength(1);
    await cluster.delete(configMaps, target('fast'));
    await eventually('the deletion arrived', () => informer.get(target('fast')) === undefined);
    await informer.stop();
  });

  test('in a namespace, without a namespace, says so', async () => {
    await expect(cluster.apply(configMaps, { metadata: { name: 'x' } })).rejects.toThrow(
      'ConfigMap "x" is namespaced; give metadata.namespace',
    );
  });
});
