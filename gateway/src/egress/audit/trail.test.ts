import { createLogger } from '@cloister/telemetry';
import { expect, test, vi } from 'vitest';
import { facts, owner, StoreDouble } from './chain.fixture.ts';
import { auditRecord } from './record.ts';
import { AuditTrail, type TrailOptions } from './trail.ts';

const other = { tenantUid: 'u2', tenant: 'umbra' };

function setUp(options: Partial<TrailOptions> = {}) {
  const store = new StoreDouble();
  const lines: string[] = [];
  const log = createLogger({ name: 'egress', destination: { write: (line) => void lines.push(line) } });
  const lost = { count: 0 };
  const trail = new AuditTrail(store, { log, flushMs: 10, lost: (records) => void (lost.count += records), ...options });
  const call = (of = owner) => trail.begin(of)(facts);
  const stored = () => store.entries.map(({ tenantUid, record }) => ({ tenantUid, ...auditRecord.parse(JSON.parse(record)) }));
  const numbers = (of = owner) =>
    stored()
      .filter(({ tenantUid }) => tenantUid === of.tenantUid)
      .map(({ number }) => number);
  return { store, trail, lines, lost, call, stored, numbers };
}

test('records of all tenants that came together are stored together, each tenant’s by its own numbers', async () => {
  const { store, trail, call, numbers } = setUp();
  for (let turn = 0; turn < 5; turn++) {
    call();
    call(other);
  }
  expect(trail.unwritten).toBe(10);
  await vi.waitFor(() => expect(trail.unwritten).toBe(0));
  expect(store.batches).toHaveLength(1);
  expect([numbers(), numbers(other)]).toEqual([
    [1, 2, 3, 4, 5],
    [1, 2, 3, 4, 5],
  ]);
});

test('a trail that ends stores what it has, waits for calls that are ending, and says of every tenant that this was all', async () => {
  const { trail, call, stored } = setUp({ flushMs: 60_000 });
  call();
  const late = trail.begin(owner);
  call(other);
  setTimeout(() => late(facts), 50);
  await trail.close();
  expect(stored().map(({ tenantUid, kind, number }) => [tenantUid, kind, number])).toEqual([
    ['u1', 'model_call', 1],
    ['u2', 'model_call', 1],
    ['u1', 'model_call', 2],
    ['u1', 'writer_ended', 3],
    ['u2', 'writer_ended', 2],
  ]);
});

test('a store that is away is asked again until it has everything, in order', async () => {
  const { store, trail, call, numbers } = setUp();
  store.problem = { error: new Error('connection reset') };
  call();
  await vi.waitFor(() => expect(trail.unwritten).toBe(1));
  call();
  store.problem = undefined;
  await trail.close();
  expect(numbers()).toEqual([1, 2, 3]);
});

test('what memory cannot hold while the store is away is lost, is counted, and leaves a gap', async () => {
  const { store, trail, call, lost, numbers } = setUp({ mostWaiting: 2 });
  store.problem = { error: new Error('connection reset') };
  for (let turn = 0; turn < 5; turn++) call();
  expect(lost.count).toBe(3);
  store.problem = undefined;
  await vi.waitFor(() => expect(trail.unwritten).toBe(0), 3_000);
  call();
  await trail.close();
  expect(numbers()).toEqual([1, 2, 6, 7]);
});

test('a tenant whose chain takes no more records stops no other tenant’s', async () => {
  const { store, trail, call, lost, lines, numbers } = setUp();
  store.problem = { error: Object.assign(new Error('duplicate key'), { code: '23505' }), tenantUid: 'u1' };
  call();
  call(other);
  await vi.waitFor(() => expect(trail.unwritten).toBe(0));
  expect([lost.count, numbers(), numbers(other)]).toEqual([1, [], [1]]);
  expect(lines.join('')).toContain('takes no more records');
});

test('where a chain ends is said in the log, but not at every flush', async () => {
  const { trail, call, lines } = setUp();
  for (let turn = 0; turn < 3; turn++) {
    call();
    await vi.waitFor(() => expect(trail.unwritten).toBe(0));
  }
  expect(lines.filter((line) => line.includes('audit anchor'))).toHaveLength(1);
  expect(lines.join('')).toContain(`"anchor":"1:${'f'.repeat(64)}"`);
});
