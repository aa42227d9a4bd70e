/** The command that exports, on a real Postgres whose records are appended and removed meanwhile. Needs CLOISTER_TEST_POSTGRES_URL. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../budget/migrate.ts';
import { postgres, type Postgres } from '../budget/sql/postgres.ts';
import { testDatabase, type TestDatabase } from '../budget/sql/test-database.fixture.ts';
import { callText, inTurn } from './chain.fixture.ts';
import { pruneAudit } from './keep-pruning.ts';
import { linesOf } from './lines.ts';
import { auditStore } from './store.ts';
import { verify } from './verify.ts';

let database: TestDatabase;
let sql: Postgres;
let folder: string;
beforeAll(async () => {
  database = await testDatabase();
  sql = postgres(database.url, () => undefined);
  await migrate(sql);
  folder = await mkdtemp(join(tmpdir(), 'export-'));
  await writeFile(join(folder, 'url'), database.url);
});
afterAll(async () => {
  await sql.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

const program = join(import.meta.dirname, '../../main.ts');

/** What the command writes when its reader takes the beginning, and the rest only when something else was done. */
async function exportedAround(tenantUid: string, meanwhile: () => Promise<unknown>): Promise<AsyncIterable<string>> {
  const environment = { ...process.env, DATABASE_URL_FILE: join(folder, 'url') };
  const command = spawn(process.execPath, [program, 'audit', 'export', '--tenant', tenantUid], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(command, 'exit');
  await once(command.stdout, 'readable'); // and nothing flows by itself
  await meanwhile();
  const lines: string[] = [];
  for await (const line of linesOf(command.stdout)) lines.push(line);
  expect(await ended).toEqual([0, null]);
  return inTurn(lines);
}

test(
  'what is exported is one chain as it was at one moment, although records are added and old ones removed meanwhile',
  { timeout: 60_000 },
  async () => {
    const of = { tenantUid: randomUUID(), tenant: 't' };
    const writer = randomUUID();
    const store = auditStore(sql);
    const append = (from: number, to: number) =>
      store.append(
        writer,
        Array.from({ length: to - from + 1 }, (_, turn) => ({ ...of, number: from + turn, record: callText(writer, from + turn) })),
      );
    for (let from = 1; from <= 8_001; from += 2_000) await append(from, from + 1_999);
    const prune = () => pruneAudit(sql, { days: -1, most: 4_000, failed: (_, error) => expect.fail(String(error)) }); // all that is there is old enough
    const lines = await exportedAround(of.tenantUid, async () => {
      expect(await prune()).toBeGreaterThan(8_000);
      await append(10_001, 10_010);
    });
    expect(await verify(lines)).toMatchObject({ problems: [], records: 10_000, pruned: undefined, end: { seq: 10_000 } });

    const after = await exportedAround(of.tenantUid, prune);
    const { problems, pruned, records, end } = await verify(after);
    expect(problems).toEqual([]);
    expect(pruned?.seq).toBeGreaterThanOrEqual(10_000);
    expect(records).toBe((end?.seq ?? 0) - (pruned?.seq ?? 0));
  },
);
