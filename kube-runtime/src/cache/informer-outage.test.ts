import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { connect } from '../cluster/connect.ts';
import { kind } from '../kind.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import { FaultyApiServer, type Fault } from '../testing/faulty-api-server.double.ts';

/** Pauses so long that no watch would come back within the test by itself. */
const timings = { backoff: { firstMs: 60_000, capMs: 60_000, jitter: 0, resetAfterMs: 120_000 }, outageMs: 500, returnMs: 100 };
const kinds = ['ConfigMap', 'Secret', 'Service', 'Pod', 'Lease'].map((name) => kind('v1', name));

let server: FaultyApiServer;
let cluster: Cluster;

beforeEach(async () => {
  server = await FaultyApiServer.start();
  cluster = await connect({ server: server.url, timings });
});
afterEach(async () => {
  await cluster.close();
  await server[Symbol.asyncDispose]();
});

const ask = () => cluster.request({ method: 'PUT', path: '/api/v1/namespaces/default/leases/x', body: {} });
const open = (watches: number) => eventually(`${watches} watches are open`, () => server.openWatches === watches);
const watched = (name: string) => server.requests.filter(({ path, query }) => path.endsWith(name) && query.has('watch')).length;

async function goAway(ms: number): Promise<void> {
  const before = server.requests.length;
  server.away = true;
  server.cutWatches();
  await eventually('every watch has been tried in vain', () => server.requests.length >= before + cluster.informers.length);
  await quiet(ms);
  server.away = false;
}

async function watchAll(): Promise<void> {
  for (const each of kinds) cluster.informer(each).start();
  await open(kinds.length);
}

test('after an outage all watches come back soon after the first answer, and not one by one as their pauses end', async () => {
  await watchAll();
  await goAway(2 * timings.outageMs);
  expect(server.openWatches).toBe(0);
  await ask();
  await open(kinds.length);
});

test('where the server answers others meanwhile, a watch that got no answer keeps to its pause', async () => {
  await watchAll();
  const before = watched('secrets');
  await goAway(0);
  await ask(); // the first answer comes too soon for an outage
  for (let round = 0; round < 10; round++) {
    await quiet(50);
    await ask();
  }
  expect(server.openWatches).toBe(0);
  expect(watched('secrets') - before).toBe(1);
});

test.each([429, 500, 503])('a watch that was refused with %i is not called back by the end of an outage', async (code) => {
  server.next('watch', { kind: 'status', code } satisfies Fault);
  cluster.informer(kind('v1', 'ConfigMap')).start();
  await eventually('its watch was refused', () => server.count('watch') === 1);
  cluster.informer(kind('v1', 'Secret')).start();
  await open(1);
  server.away = true;
  server.cutWatches();
  await eventually('the other was tried in vain', () => watched('secrets') === 2);
  await quiet(2 * timings.outageMs);
  server.away = false;
  await ask();
  await open(1);
  await quiet(2 * timings.returnMs);
  expect([watched('configmaps'), watched('secrets')]).toEqual([1, 3]);
});

test('an answer of 503 is no end of an outage: whoever stands before the server may have given it', async () => {
  await watchAll();
  await goAway(2 * timings.outageMs);
  server.next('write', { kind: 'status', code: 503 });
  await expect(ask()).rejects.toMatchObject({ status: 503 });
  await quiet(2 * timings.returnMs);
  expect(server.openWatches).toBe(0);
});
