import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Lifecycle } from './lifecycle.ts';
import { listen } from './listen.ts';
import { tenantServer } from './tenant-server.ts';

test('an end cuts off nobody who is still taking an answer that is complete', async () => {
  const answer = Buffer.alloc(16 * 1024 * 1024);
  const written = Promise.withResolvers<undefined>();
  const tenants = tenantServer((_, response) => {
    response.end(answer);
    written.resolve(undefined);
  }, new Lifecycle());
  const socket = connect(await listen(tenants.server, 0, '127.0.0.1'), '127.0.0.1').on('error', () => undefined);
  socket.pause().write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await written.promise;
  const stopped = tenants.stop(0);
  await sleep(200);
  await once(socket.resume(), 'close');
  expect(socket.bytesRead).toBeGreaterThan(answer.length);
  await stopped;
});
