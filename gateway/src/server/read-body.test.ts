import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { readBody } from './read-body.ts';
import { portOf } from './serve.ts';

test('once a body is too large, nobody looks at what still comes of it', async () => {
  const refused = Promise.withResolvers<readonly [error: unknown, looking: number]>();
  const server = createServer((request) => {
    readBody(request, 10).catch((error: unknown) => refused.resolve([error, request.listenerCount('data')]));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sending = ask({ port: portOf(server), method: 'POST' }).on('error', () => undefined);
  onTestFinished(() => {
    sending.destroy();
    server.close();
  });
  sending.write('more than ten');
  expect(await refused.promise).toEqual([expect.objectContaining({ code: 'request_too_large' }), 0]);
});
