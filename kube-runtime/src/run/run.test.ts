import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { connect } from '../cluster/connect.ts';
import { controller } from '../controller/builder.ts';
import { kind } from '../kind.ts';
import { silentLogger } from '../logger.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import { FaultyApiServer, type Fault } from '../testing/faulty-api-server.double.ts';
import { run } from './run.ts';

const configMaps = kind('v1', 'ConfigMap');
const backoff = { firstMs: 10, capMs: 20, jitter: 0, resetAfterMs: 60_000 };
const refusals = (count: number): Fault[] => Array.from({ length: count }, () => ({ kind: 'status', code: 403 }));

let server: FaultyApiServer;
let cluster: Cluster;

beforeEach(async () => {
  server = await FaultyApiServer.start();
  cluster = await connect({ server: server.url, timings: { backoff } });
});
afterEach(async () => {
  await cluster.close();
  await server[Symbol.asyncDispose]();
});

function watcher(): { readonly seen: string[]; readonly controllers: ReturnType<typeof build>[] } {
  const seen: string[] = [];
  return { seen, controllers: [build(seen)] };
}
const build = (seen: string[]) =>
  controller('watcher')
    .for(configMaps)
    .reconcile(async ({ key }) => void seen.push(await Promise.resolve(key)));

describe('running controllers', () => {
  test('works on what exists and what comes, and ends in order', async () => {
    server.put('before');
    const stop = new AbortController();
    const { seen, controllers } = watcher();
    const ended = run({ cluster, controllers, signal: stop.signal });
    await eventually('the old one was seen', () => seen.includes('default/before'));
    await eventually('a watch is open', () => server.openWatches === 1);
    server.put('after');
    await eventually('the new one was seen', () => seen.includes('default/after'));
    stop.abort();
    await ended;
    await eventually('its watch is closed', () => server.openWatches === 0);
  });

  test('looks at an object once for each change', async () => {
    server.put('a');
    const stop = new AbortController();
    const { seen, controllers } = watcher();
    const ended = run({ cluster, controllers, signal: stop.signal });
    await eventually('it was seen', () => seen.length === 1 && server.openWatches === 1);
    server.put('a', { value: 1 });
    await eventually('the change was seen', () => seen.length > 1);
    await quiet(50);
    expect(seen).toHaveLength(2);
    stop.abort();
    await ended;
  });

  test('lets changes that come in a burst settle into one run', async () => {
    server.put('a');
    const stop = new AbortController();
    const seen: string[] = [];
    const settling = controller('settling')
      .for(configMaps, { when: ({ replay }) => replay })
      .watches(configMaps, ({ metadata }) => [metadata], { when: ({ replay }) => !replay, settleMs: 500 })
      .reconcile(async ({ key }) => void seen.push(await Promise.resolve(key)));
    const ended = run({ cluster, controllers: [settling], signal: stop.signal });
    await eventually('it was seen', () => seen.length === 1 && server.openWatches === 1);
    for (let value = 0; value < 5; value++) server.put('a', { value });
    await eventually('the burst was seen', () => seen.length === 2);
    await quiet(50);
    expect(seen).toHaveLength(2);
    stop.abort();
    await ended;
  });

  test('ends in about a second though Events wait that the server does not take, and says how many were dropped', async () => {
    const warnings: unknown[] = [];
    const log = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
    const quick = await connect({ server: server.url, log });
    for (const name of ['a', 'b', 'c']) server.put(name);
    server.next('write', { kind: 'hang' });
    const stop = new AbortController();
    const teller = controller('teller')
      .for(configMaps)
      .reconcile(({ record }) => {
        record({ type: 'Normal', reason: 'Seen', message: 'it' });
        return Promise.resolve();
      });
    const ended = run({ cluster: quick, controllers: [teller], signal: stop.signal });
    await eventually('one is on its way', () => server.count('write') === 1);
    await quiet(50);
    stop.abort();
    const before = performance.now();
    await ended;
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(server.count('write')).toBe(1);
    expect(warnings).toContainEqual({ controller: 'teller', dropped: 3 });
    expect(await quick.registry.metrics()).toContain('kube_runtime_events_dropped_total{controller="teller",why="stop"} 3');
    await quick.close();
  });

  test('is not ready, and works on nothing, before all caches are full', async () => {
    server.put('before');
    server.next('list', ...refusals(20));
    const stop = new AbortController();
    const { seen, controllers } = watcher();
    let port = 0;
    const ended = run({
      cluster,
      controllers,
      signal: stop.signal,
      metricsPort: 0,
      metricsHost: '127.0.0.1',
      onListening: (at) => (port = at.port),
    });
    await eventually('it listens', () => port > 0);
    const ready = async () => {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/readyz`);
      return `${statusCode} ${await body.text()}`;
    };
    await eventually('the problem is told', async () =>
      (await ready()).startsWith('503 cache is not filled: configmaps (GET /api/v1/configmaps: 403'),
    );
    expect(seen).toEqual([]);
    await eventually('it is ready', async () => (await ready()) === '200 ok\n');
    const health = await request(`http://127.0.0.1:${port}/healthz`);
    expect(health.statusCode).toBe(200);
    await health.body.dump();
    stop.abort();
    await ended;
  });

  test('is unhealthy once every worker of a controller is lost to runs that ignore their end, so that it is started anew', async () => {
    server.put('a');
    const stop = new AbortController();
    const stuck = Promise.withResolvers<undefined>();
    const hanging = controller('hanging')
      .for(configMaps)
      .timeLimit(10)
      .reconcile(() => stuck.promise);
    let port = 0;
    const onListening = (at: { port: number }) => (port = at.port);
    const ended = run({ cluster, controllers: [hanging], signal: stop.signal, metricsPort: 0, metricsHost: '127.0.0.1', onListening });
    await eventually('it listens', () => port > 0);
    const ask = async (path: string) => {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`);
      return `${statusCode} ${await body.text()}`;
    };
    expect(await ask('/healthz')).toBe('200 ok\n');
    await eventually(
      'it is unhealthy',
      async () => (await ask('/healthz')).startsWith('503 controller hanging is stuck: 1 runs ignore'),
      10_000,
    );
    const metrics = await ask('/metrics');
    expect(metrics).toMatch(/kube_runtime_controller_heartbeat_timestamp_seconds\{controller="hanging"\} \d+/);
    expect(metrics).toMatch(/kube_runtime_event_loop_delay_seconds \d/);
    stuck.resolve(undefined);
    stop.abort();
    await ended;
  }, 20_000);

  test('fails with the kind and the reason when a cache does not fill in time', async () => {
    server.next('list', ...refusals(1_000));
    const { controllers } = watcher();
    const running = run({ cluster, controllers, signal: new AbortController().signal, cacheSyncTimeoutMs: 200 });
    await expect(running).rejects.toThrow(/cache of configmaps did not fill within 0.2 s; last problem: GET .* 403/);
  });

  test('ends at once when it is told to before caches are full', async () => {
    server.next('list', { kind: 'hang' });
    const stop = new AbortController();
    const ended = run({ cluster, controllers: watcher().controllers, signal: stop.signal });
    await eventually('it lists', () => server.count('list') === 1);
    stop.abort();
    await ended;
  });
});
