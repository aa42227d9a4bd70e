import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
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

/** AuthenticationOk, ReadyForQuery. */
const welcome = Buffer.from('5200000008000000005a0000000549', 'hex');

/** The address of a server that lets in everybody, and resets the line at the first statement. */
async function resettingServer(): Promise<string> {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(welcome);
      socket.once('data', () => socket.resetAndDestroy());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listens at no port');
  return `127.0.0.1:${address.port}`;
}

test('a line that is reset under a statement fails that statement, and nothing else', async () => {
  const database = await databaseAt(await resettingServer());
  const reset = { name: 'DatabaseUnavailable', message: 'the database is unavailable: ECONNRESET' };
  await expect(database.query('select 1')).rejects.toMatchObject(reset);
  await expect(database.transaction((queries) => queries.query('select 1'))).rejects.toMatchObject(reset);
});

test('an IPv6 address is connected to, not looked up as a name', async () => {
  const database = await databaseAt('[::1]:1');
  await expect(database.query('select 1')).rejects.toThrow(/: (ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT|ENETUNREACH)$/);
});
