import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { postgres } from './postgres.ts';

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
  return `postgres://someone@127.0.0.1:${address.port}/some`;
}

test('a line that is reset under a statement or a script fails that, and nothing else', async () => {
  const sql = postgres(await resettingServer(), () => undefined);
  await expect(sql.query('select 1', [])).rejects.toThrow('ECONNRESET');
  await expect(sql.script('select 1')).rejects.toThrow('ECONNRESET');
  await sql.close();
});
