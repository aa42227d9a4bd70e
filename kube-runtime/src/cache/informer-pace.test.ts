import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { connect } from '../cluster/connect.ts';
import { kind } from '../kind.ts';
import { eventually, quiet } from '../testing/eventually.ts';
import { FaultyApiServer, type Fault } from '../testing/faulty-api-server.double.ts';
import type { InformerTimings } from './timings.ts';

const backoff = { firstMs: 10, capMs: 40, jitter: 1, resetAfterMs: 60_000 };

let server: FaultyApiServer;
let cluster: Cluster;

beforeEach(async () => {
  server = await FaultyApiServer.start();
});

afterEach(async () => {
  await cluster.close();
  await server[Symbol.asyncDispose]();
});

async function start(timings: Partial<InformerTimings> = {}): Promise<void> {
  cluster = await connect({ server: server.url, timings: { backoff, ...timings } });
  cluster.informer(kind('v1', 'ConfigMap')).start();
}

describe('an informer is gentle', () => {
  test('it waits longer after each fault in a row', async () => {
    server.next('list', ...Array.from({ length: 50 }, (): Fault => ({ kind: 'status', code: 500 })));
    await start({ backoff: { firstMs: 20, capMs: 1_000, jitter: 0, resetAfterMs: 60_000 } });
    await quiet(400);
    expect(server.count('list')).toBeLessThanOrEqual(6); // 0, 20, 60, 140, 300 ms
  });

  test('it waits for as long as Retry-After says', async () => {
    server.next('watch', { kind: 'status', code: 429, retryAfterSeconds: 1 });
    await start();
    await eventually('the first watch was tried', () => server.count('watch') === 1);
    await quiet(500);
    expect(server.count('watch')).toBe(1);
  });

  test('it asks for another time-out each time, so that watches of many replicas do not end together', async () => {
    server.endWatchAfterMs = 20;
    await start({ shortWatchMs: 10 });
    await eventually('many watches came and went', () => server.count('watch') >= 8);
    const asked = server.requests.flatMap(({ query }) => query.get('timeoutSeconds') ?? []);
    expect(new Set(asked).size).toBeGreaterThan(1);
    expect(asked.map(Number).filter((seconds) => seconds < 300 || seconds > 600)).toEqual([]);
  });

  test('it opens the next watch at once, without a list, when one ends by its time-out', async () => {
    server.endWatchAfterMs = 50;
    await start({ shortWatchMs: 10 });
    await eventually('several watches came and went', () => server.count('watch') >= 4, 1_000);
    expect(server.count('list')).toBe(1);
  });

  test('it does not storm a server that closes every watch at once', async () => {
    server.endWatchAfterMs = 0;
    await start({ backoff: { firstMs: 50, capMs: 1_000, jitter: 0, resetAfterMs: 60_000 } });
    await quiet(400);
    expect(server.count('watch')).toBeLessThanOrEqual(5);
  });
});
