import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { controller } from '../controller/builder.ts';
import { KubeRuntimeError } from '../errors.ts';
import { run } from '../run/run.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import { configMaps, connectReal, freshNamespace, namespaces } from '../testing/real-cluster.fixture.ts';
import { leases } from './lease-record.ts';

const timings = { leaseDurationMs: 1_500, renewDeadlineMs: 1_000, retryPeriodMs: 200 };

let client: Cluster;
let namespace: string;
const replicas: Replica[] = [];

interface Replica {
  readonly cluster: Cluster;
  readonly reconciled: string[];
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
  /** Every write to the lease fails until the returned function is called. */
  cutOff(): () => void;
}

beforeEach(async () => {
  client = await connectReal();
  namespace = await freshNamespace(client);
});
afterEach(async () => {
  for (const { stop, ended, cluster } of replicas.splice(0)) {
    stop.abort();
    await ended;
    await cluster.close();
  }
  await client.delete(namespaces, { name: namespace });
  await client.close();
});

async function replica(identity: string): Promise<Replica> {
  const cluster = await connectReal({ fieldManager: 'led' });
  const reconciled: string[] = [];
  const led = controller('led')
    .for(configMaps, { namespace, labelSelector: 'led' })
    .reconcile(async ({ name }) => void reconciled.push(await Promise.resolve(name)));
  const stop = new AbortController();
  const lease = { name: 'led', namespace, identity, timings };
  const ended = run({ cluster, controllers: [led], lease, signal: stop.signal, gracePeriodMs: 500 }).catch((error: unknown) => error);
  const started: Replica = {
    cluster,
    reconciled,
    stop,
    ended,
    cutOff: () =>
      cluster.interceptWrites((write, proceed) => (write.path.includes('/leases/') ? Promise.reject(new Error('cut off')) : proceed())),
  };
  replicas.push(started);
  return started;
}

const isNotLeader = (error: unknown): boolean => error instanceof KubeRuntimeError && error.code === 'not_leader';
const put = () => client.apply(configMaps, { metadata: { name: randomBytes(4).toString('hex'), namespace, labels: { led: 'yes' } } });
const holder = async () => (await client.get(leases, { name: 'led', namespace }))?.spec.holderIdentity;
const leads = (identity: string) => eventually(`${identity} leads`, async () => (await holder()) === identity);

describe('of two replicas', () => {
  test('one works, and the other waits with warm caches and may not write', async () => {
    const first = await replica('first');
    await leads('first');
    const second = await replica('second');
    const { object } = await put();
    await eventually('the leader worked', () => first.reconciled.includes(object.metadata.name));
    await eventually('the standby knows', () => second.cluster.informers.some((informer) => informer.get(object.metadata) !== undefined));
    expect(second.reconciled).toEqual([]);
    const write = second.cluster.apply(configMaps, { metadata: { name: 'x', namespace } });
    await expect(write).rejects.toMatchObject({ code: 'not_leader' });
    expect(await second.cluster.get(configMaps, object.metadata)).toBeDefined();
  });

  test('the second takes over within a retry period when the first stops in order', async () => {
    const first = await replica('first');
    await leads('first');
    const second = await replica('second');
    await eventually('the standby is ready', () => second.cluster.informers.some((informer) => informer.synced));
    first.stop.abort();
    await first.ended;
    const released = performance.now();
    await leads('second');
    expect(performance.now() - released).toBeLessThan(timings.retryPeriodMs + 300);
    const { object } = await put();
    await eventually('the new leader worked', () => second.reconciled.includes(object.metadata.name));
  });

  test('the first is silent before the second begins when it cannot renew any more, and stands by once it can', async () => {
    const first = await replica('first');
    await leads('first');
    const second = await replica('second');
    const heal = first.cutOff();
    const write = () => first.cluster.apply(configMaps, { metadata: { name: randomBytes(4).toString('hex'), namespace } });
    await eventually('the first is silent', () =>
      write().then(
        () => false,
        (error: unknown) => isNotLeader(error),
      ),
    );
    expect(await holder()).toBe('first'); // the lease has not run out yet
    await leads('second');
    heal();
    second.stop.abort();
    await leads('first');
    const { object } = await put();
    await eventually('the first works again', () => first.reconciled.includes(object.metadata.name));
  });

  test('only one gets a lease that both want at the same moment', async () => {
    const both = await Promise.all([replica('first'), replica('second')]);
    await put();
    await eventually('one worked', () => both.some(({ reconciled }) => reconciled.length > 0));
    await quiet(500);
    expect(both.filter(({ reconciled }) => reconciled.length > 0)).toHaveLength(1);
  });
});

test('a lease whose holder wrote a time from the future is taken over all the same', async () => {
  const spec = { holderIdentity: 'ghost', leaseDurationSeconds: 1, renewTime: '2099-01-01T00:00:00.000000Z', leaseTransitions: 3 };
  await client.create(leases, { metadata: { name: 'led', namespace }, spec });
  await replica('living');
  await leads('living');
  expect((await client.get(leases, { name: 'led', namespace }))?.spec.leaseTransitions).toBe(4);
});
