import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { listen } from '../http/listen.ts';
import { UsageTap } from '../model/usage-tap.ts';
import { localEgress } from './local-egress.ts';

test('a server that ends lines with CRLF streams as others do: each event is there for the agent when it comes', async () => {
  const goOn = Promise.withResolvers<undefined>();
  const model = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"choices":[]}\r\n\r\n');
    void goOn.promise.then(() => response.end('data: [DONE]\r\n\r\n'));
  });
  const egress = localEgress({ baseURL: `http://127.0.0.1:${await listen(model, 0, '127.0.0.1')}/v1`, apiKey: undefined });
  const url = `http://127.0.0.1:${await listen(egress, 0, '127.0.0.1')}/v1/chat/completions`;
  onTestFinished(async () => {
    goOn.resolve(undefined);
    for (const server of [egress, model]) await once(server.close(), 'close');
  });
  const body = JSON.stringify({ model: 'dev/m', stream: true, messages: [{ role: 'user', content: 'Hi' }] });
  const answer = await fetch(url, { method: 'POST', body });
  const tap = new UsageTap({ keep: false });
  const passed: string[] = [];
  for await (const bytes of z.instanceof(ReadableStream<Uint8Array>).parse(answer.body)) {
    passed.push(tap.take(Buffer.from(bytes)).toString());
    goOn.resolve(undefined);
  }
  expect(passed[0]).toBe('data: {"choices":[]}\n\n');
  expect(passed.join('')).toBe('data: {"choices":[]}\n\ndata: [DONE]\n\n');
});
