/** Several writers on a real Postgres, and writers that are killed. Needs CLOISTER_TEST_POSTGRES_URL. */
import { createLogger } from '@cloister/telemetry';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { migrate } from '../budget/migrate.ts';
import { postgres, type Postgres } from '../budget/sql/postgres.ts';
import { testDatabase, type TestDatabase } from '../budget/sql/test-database.fixture.ts';
import { administrationStore } from './administration/administration-store.ts';
import { Administration } from './administration/administration.ts';
import { facts } from './chain.fixture.ts';
import { exportOf } from './command.ts';
import { pruneAudit } from './keep-pruning.ts';
import { auditStore } from './store.ts';
import { AuditTrail } from './trail.ts';
import { verify } from './verify.ts';

let database: TestDatabase;
let sql: Postgres;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
});
afterAll(async () => {
  await sql.close();
  await database.drop();
});

const verdictOf = async (tenantUid: string) => verify(await exportOf(sql, tenantUid));

test('three writers at once on the same tenants make chains without a gap', async () => {
  const tenants = Array.from({ length: 5 }, () => ({ tenantUid: randomUUID(), tenant: 't' }));
  const pools = [1, 2, 3].map(() => postgres(database.url, () => undefined));
  const log = createLogger({ name: 'egress', level: 'fatal' });
  const trails = pools.map((pool) => new AuditTrail(auditStore(pool), { log, flushMs: 1 }));
  await Promise.all(
    trails.map(async (trail) => {
      for (let turn = 0; turn < 300; turn++) {
        for (const tenant of tenants.toSorted(() => Math.random() - 0.5)) trail.begin(tenant)(facts);
        if (turn % 3 === 0) await sleep(1);
      }
      await trail.close();
    }),
  );
  await Promise.all(pools.map((pool) => pool.close()));
  for (const { tenantUid } of tenants)
    expect(await verdictOf(tenantUid)).toMatchObject({ problems: [], records: 3 * 301, writers: { gaps: [], open: [] } });
});

test('three replicas that write, see the same changes and prune at once make chains that verify', async () => {
  const tenants = Array.from({ length: 3 }, () => ({ tenantUid: randomUUID(), tenant: 't' }));
  const pools = [1, 2, 3].map(() => postgres(database.url, () => undefined));
  const log = createLogger({ name: 'egress', level: 'fatal' });
  const failures: unknown[] = [];
  await Promise.all(
    pools.map(async (pool) => {
      const trail = new AuditTrail(auditStore(pool), { log, flushMs: 1 });
      const administration = new Administration(administrationStore(pool), log);
      for (let turn = 0; turn < 200; turn++) {
        for (const tenant of tenants) {
          trail.begin(tenant)(facts);
          if (turn % 10 === 0) administration.tell({ ...tenant, what: 'policy', part: 'operator', version: turn, state: { turn } });
        }
        // All that is there is old enough.
        if (turn % 25 === 0) await pruneAudit(pool, { days: -1, most: 40, failed: (_, error) => failures.push(error) });
        await sleep(1);
      }
      await Promise.all([trail.close(), administration.close()]);
    }),
  );
  await Promise.all(pools.map((pool) => pool.close()));
  expect(failures).toEqual([]);
  for (const { tenantUid } of tenants) {
    const { problems, pruned, end, records } = await verdictOf(tenantUid);
    expect(problems).toEqual([]);
    expect(pruned?.seq).toBeGreaterThan(0);
    expect(records).toBe((end?.seq ?? 0) - (pruned?.seq ?? 0));
  }
});

test('of changes that three replicas see at once on Postgres each is on record once', async () => {
  const tenant = { tenantUid: randomUUID(), tenant: 't' };
  const pools = [1, 2, 3].map(() => postgres(database.url, () => undefined));
  const log = createLogger({ name: 'egress', level: 'fatal' });
  const all = pools.map((pool) => new Administration(administrationStore(pool), log));
  for (let version = 1; version <= 100; version++)
    for (const one of all) one.tell({ ...tenant, what: 'policy', part: 'operator', version, state: { version } });
  await Promise.all(all.map((one) => one.close()));
  await Promise.all(pools.map((pool) => pool.close()));
  const { problems, records } = await verdictOf(tenant.tenantUid);
  expect(problems).toEqual([]);
  expect(records).toBe(100);
  const text = `select count(distinct record::jsonb -> 'changes' -> 0 ->> 'after')::int as different from cloister_egress.audit_record where tenant_uid = $1`;
  expect(await sql.query(text, [tenant.tenantUid])).toEqual([{ different: 100 }]);
});

const perWriter = z.array(z.object({ writer: z.string(), stored: z.number(), highest: z.number() }));

test('writers that are killed leave a whole chain, which has all that Postgres confirmed and names them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'audit-'));
  const tenantUid = randomUUID();
  const confirmed = new Map<string, number>();
  const lives = Array.from({ length: 6 }, async (_, life) => {
    const truth = join(folder, String(life));
    const child = spawn(process.execPath, [join(import.meta.dirname, 'killable.fixture.ts'), database.url, truth, tenantUid], {
      stdio: 'inherit',
    });
    const count = () => Number(existsSync(truth) ? (readFileSync(truth, 'utf8').split(' ')[1] ?? 0) : 0);
    await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(100);
    await sleep(Math.random() * 300);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [writer = '', number] = readFileSync(truth, 'utf8').split(' ');
    confirmed.set(writer, Number(number));
  });
  await Promise.all(lives);
  await sleep(200); // what was on its way to Postgres ends

  const { problems, writers } = await verdictOf(tenantUid);
  expect({ problems, gaps: writers.gaps }).toEqual({ problems: [], gaps: [] });
  const text = `select writer::text, count(*)::int as stored, max(number)::int as highest from cloister_egress.audit_record
    where tenant_uid = $1 group by writer`;
  const rows = perWriter.parse(await sql.query(text, [tenantUid]));
  expect(writers.open.map(({ writer }) => writer).sort()).toEqual(rows.map(({ writer }) => writer).sort());
  expect(confirmed.size).toBe(lives.length);
  for (const [writer, number] of confirmed) {
    const row = rows.find((of) => of.writer === writer);
    expect(row?.stored, 'nothing that was confirmed is missing').toBeGreaterThanOrEqual(number);
    expect(row?.highest, 'nothing is there twice').toBe(row?.stored);
  }
  await rm(folder, { recursive: true });
});
