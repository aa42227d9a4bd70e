/** Whoever has a line to Postgres, but for the operator, whose is tested on a real one: a line that breaks under a statement must not end the process. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../agent-runtime/src/store/postgres.ts';
import { postgres } from '../../gateway/src/egress/budget/sql/postgres.ts';

/** AuthenticationOk, ReadyForQuery. */
const welcome = Buffer.from('5200000008000000005a0000000549', 'hex');

/** URL of a server that lets in everybody, and resets the line at the first statement. */
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
  return `postgres://someone:hush@127.0.0.1:${address.port}/some`;
}

test('in egress, a line that is reset under a statement or a script fails that, and nothing else', async () => {
  const sql = postgres(await resettingServer(), () => undefined);
  await expect(sql.query('select 1', [])).rejects.toThrow('ECONNRESET');
  await expect(sql.script('select 1')).rejects.toThrow('ECONNRESET');
  await sql.close();
});

test('in an agent, a line that is reset under a statement or a transaction fails that, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reset-lines-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const urlFile = join(folder, 'url');
  await writeFile(urlFile, await resettingServer());
  const database = openPostgres({ urlFile, onConnectionLost: () => undefined });
  const reset = { name: 'DatabaseUnavailable', message: 'the database is unavailable: ECONNRESET' };
  await expect(database.query('select 1')).rejects.toMatchObject(reset);
  await expect(database.transaction((queries) => queries.query('select 1'))).rejects.toMatchObject(reset);
  await database.close();
});
