import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Database } from './database.ts';
import { openPostgres } from './postgres.ts';

async function databaseAt(address: string): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  const urlFile = join(folder, 'url');
  await writeFile(urlFile, `postgres://someone:hush@${address}/some`);
  const database = openPostgres({ urlFile, onConnectionLost: () => undefined });
  onTestFinished(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  return database;
}

test('an IPv6 address is connected to, not looked up as a name', async () => {
  const database = await databaseAt('[::1]:1');
  await expect(database.query('select 1')).rejects.toThrow(/: (ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT|ENETUNREACH)$/);
});
