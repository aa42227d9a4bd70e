/** Administrative changes as they come to Postgres, from several replicas. */
import { createLogger } from '@cloister/telemetry';
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { PolicyDirectory } from '../../../directory/directory.ts';
import { policyOf } from '../../../policy.fixture.ts';
import { migrate } from '../../budget/migrate.ts';
import { pglite } from '../../budget/sql/pglite.fixture.ts';
import type { Sql } from '../../budget/sql/sql.ts';
import { facts } from '../chain.fixture.ts';
import { exportOf } from '../command.ts';
import { administrativeRecord } from '../record.ts';
import { auditStore } from '../store.ts';
import { AuditTrail } from '../trail.ts';
import { verify } from '../verify.ts';
import { administrationStore, type AdministrationStore } from './administration-store.ts';
import { Administration } from './administration.ts';
import { recordedPolicies } from './recorded-policies.ts';

let sql: Sql;
let store: AdministrationStore;
beforeAll(async () => {
  const database = await pglite();
  sql = database;
  store = administrationStore(sql);
  await migrate(sql);
  return () => database[Symbol.asyncDispose]();
}, 60_000);

const link = z.object({ record: administrativeRecord });
const log = createLogger({ name: 'egress', level: 'fatal' });
/** As if somebody had set the chain back, or put it right again. */
const move = (tenant: string, by: number) =>
  sql.query('update cloister_egress.audit_chain set seq = seq + $1 where tenant = $2', [by, tenant]);

/** A tenant, as replicas of egress see it. */
function setUp(replicas = 1) {
  const tenant = `t${randomUUID().slice(0, 8)}`;
  const all = Array.from({ length: replicas }, () => {
    const administration = new Administration(store, log);
    return { administration, source: recordedPolicies(new PolicyDirectory(), administration) };
  });
  const records = async () => {
    const lines: string[] = [];
    for await (const line of await exportOf(sql, tenant)) lines.push(line);
    return lines.slice(1, -1).map((line) => link.parse(JSON.parse(line)).record);
  };
  const verdict = async () => verify(await exportOf(sql, tenant));
  const settled = () => Promise.all(all.map(({ administration }) => administration.close()));
  const first = all[0];
  if (!first) throw new Error('no replica');
  return { ...first, tenant, all, records, verdict, settled, policy: policyOf(tenant) };
}

test('a tenant that comes, changes and goes is on record field by field, by the part that brought it about', async () => {
  const { source, policy, records, settled, verdict } = setUp();
  source.put('p', policy, '10');
  source.put('p', { ...policy, state: 'Suspended', budget: { timeZone: 'UTC', daily: { usd: 5 } } }, '11');
  source.remove('p', '12');
  await settled();
  const [added, changed, removed, ...more] = await records();
  expect(added).toMatchObject({ part: 'operator', object: 'policy', action: 'added', number: 1 });
  expect(added?.['changes']).toContainEqual({ field: 'state', after: 'Active' });
  expect(changed).toMatchObject({
    action: 'changed',
    changes: [
      { field: 'budget.daily.usd', after: 5 },
      { field: 'state', before: 'Active', after: 'Suspended' },
    ],
  });
  expect(removed).toMatchObject({ action: 'removed' });
  expect(more).toEqual([]);
  expect(await verdict()).toMatchObject({ problems: [], records: 3, writers: { gaps: [], open: [] } });
});

test('what several replicas see is on record once, whichever is first and however late another one is', async () => {
  const { all, policy, records, settled, verdict } = setUp(3);
  const states = ['Active', 'Suspended', 'Active', 'Suspended'] as const;
  for (const { source } of all.toReversed())
    for (const [turn, state] of states.entries()) source.put('p', { ...policy, state }, String(10 + turn));
  await settled();
  expect((await records()).map(({ action }) => action)).toEqual(['added', 'changed', 'changed', 'changed']);
  expect((await verdict()).problems).toEqual([]);
});

test('a document that was written anew with nothing else in it is no change', async () => {
  const { source, policy, records, settled } = setUp();
  source.put('p', policy, '10');
  source.put('p', { ...policy }, '11');
  await settled();
  expect(await records()).toHaveLength(1);
});

test('what changed while no replica was there is on record when one is, and what went as well', async () => {
  const { source, policy, tenant, records, settled } = setUp();
  source.put('p', policy, '10');
  await settled();
  const next = new Administration(store, log);
  recordedPolicies(new PolicyDirectory(), next).put('p', { ...policy, hosts: ['new.example'] }, '99');
  await next.close();
  expect((await records()).at(-1)).toMatchObject({ action: 'changed', changes: [{ field: 'hosts', after: ['new.example'] }] });
  const last = new Administration(store, log);
  await last.noteGone('policy', 'operator', () => Promise.resolve(false));
  await last.noteGone('policy', 'operator', (one) => Promise.resolve(one.tenant === tenant));
  await last.noteGone('policy', 'operator', (one) => Promise.resolve(one.tenant === tenant));
  expect((await records()).map(({ action }) => action)).toEqual(['added', 'changed', 'removed']);
});

test('a replica that is late with a removal does not remove what has come back', async () => {
  const { all, policy, records, settled } = setUp(2);
  const [one, late] = all;
  late?.source.put('p', policy, '10');
  await late?.administration.close();
  one?.source.put('p', policy, '10');
  one?.source.remove('p', '11');
  one?.source.put('p', policy, '12');
  await one?.administration.close();
  late?.source.remove('p', '11');
  await settled();
  expect((await records()).map(({ action }) => action)).toEqual(['added', 'removed', 'added']);
});

test('a store that is away is asked again until it has every change, in order', async () => {
  const { tenant, policy, records } = setUp();
  let away = true;
  const flaky: AdministrationStore = {
    ...store,
    seen: (...of) => (away ? Promise.reject(new Error('connection reset')) : store.seen(...of)),
  };
  const administration = new Administration(flaky, log);
  const source = recordedPolicies(new PolicyDirectory(), administration);
  source.put('p', policy, '10');
  source.put('p', { ...policy, state: 'Suspended' }, '11');
  source.put('p', { ...policy, state: 'Archived' }, '12');
  await new Promise((resolve) => setTimeout(resolve, 100));
  await expect(exportOf(sql, tenant)).rejects.toThrow('nothing is on record');
  away = false;
  await vi.waitFor(async () => expect((await records()).map(({ action }) => action)).toEqual(['added', 'changed', 'changed']), 3_000);
});

test('administrative records stand on one chain with those of calls', async () => {
  const { source, policy, settled, verdict, tenant } = setUp();
  const trail = new AuditTrail(auditStore(sql), { log, flushMs: 1 });
  const call = () => trail.begin({ tenant, tenantUid: policy.uid })(facts);
  call();
  source.put('p', policy, '10');
  await settled();
  call();
  await trail.close();
  expect(await verdict()).toMatchObject({ problems: [], records: 4, writers: { gaps: [], open: [] } });
});

test('a tenant whose chain takes no more records stops no other tenant’s, the log names it, and what was lost is on record once it takes some', async () => {
  const [spoilt, other] = [setUp(), setUp()];
  const lines: string[] = [];
  const lost = vi.fn();
  const destination = { write: (line: string) => void lines.push(line) };
  const administration = new Administration(store, createLogger({ name: 'egress', destination }), lost);
  const source = recordedPolicies(new PolicyDirectory(), administration);
  source.put('spoilt', spoilt.policy, '10');
  source.put('spoilt', { ...spoilt.policy, state: 'Suspended' }, '11');
  await vi.waitFor(async () => expect(await spoilt.records()).toHaveLength(2));
  await move(spoilt.tenant, -1);
  source.put('spoilt', { ...spoilt.policy, state: 'Archived' }, '12');
  source.put('other', other.policy, '13');
  await vi.waitFor(async () => expect(await other.records()).toHaveLength(1));
  expect(lost.mock.calls).toEqual([[1]]);
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([{ tenant: spoilt.tenant, what: 'policy' }]);
  await administration.noteGone('policy', 'operator', ({ tenant }) => Promise.resolve([spoilt.tenant, other.tenant].includes(tenant)));
  expect((await other.records()).at(-1)).toMatchObject({ action: 'removed' });

  await move(spoilt.tenant, 1);
  source.put('spoilt', { ...spoilt.policy, state: 'Archived' }, '14');
  await administration.close();
  expect((await spoilt.records()).at(-1)).toMatchObject({ changes: [{ field: 'state', before: 'Suspended', after: 'Archived' }] });
});
