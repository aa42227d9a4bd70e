import { getEventListeners, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent as Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portOf } from '../../../server/serve.ts';
import { BrokenAnswer } from '../provider.ts';
import { askWhole, longestError, longestWaitForWords, mostBytes } from './ask-whole.ts';

let answer: (response: ServerResponse) => void;
let closed: Promise<unknown>;
let requests = 0;
const server = createServer((_, response) => {
  requests++;
  closed = once(response, 'close');
  answer(response);
});
const pool = new Pool({ connect: { timeout: 1_000 }, connections: 1 });
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  await pool.destroy();
  server.close().closeAllConnections();
});

const ask = (signal = new AbortController().signal, port = portOf(server)) =>
  askWhole(pool, { origin: `http://127.0.0.1:${port}`, path: '/', method: 'POST', body: '{}', signal });
const mebibyte = Buffer.alloc(1024 * 1024, 'x');
/** Until the other end has had enough. */
async function pour(response: ServerResponse): Promise<void> {
  while (!response.destroyed) if (!response.write(mebibyte)) await Promise.race([once(response, 'drain'), closed]);
}

test('an answer comes with its status and headers, put together from its pieces in the middle of letters', async () => {
  const text = Buffer.from('{"a":"☂ 🙂"}');
  answer = (response) => {
    response.writeHead(200, { 'x-own': '1' });
    void (async () => {
      for (const byte of text) {
        response.write(Buffer.of(byte));
        await sleep(1);
      }
      response.end();
    })();
  };
  expect(await ask()).toMatchObject({ statusCode: 200, headers: { 'x-own': '1' }, text: text.toString() });
});

test('what a server says before its answer is none, and hurries nobody', async () => {
  answer = (response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    setTimeout(() => response.writeHead(200).end('the answer'), longestWaitForWords + 200);
  };
  expect(await ask()).toMatchObject({ statusCode: 200, text: 'the answer' });
});

test('an answer that breaks off, or does not begin, is none', async () => {
  answer = (response) => response.writeHead(200, { 'content-length': 10 }).write('half', () => response.destroy());
  await expect(ask()).rejects.toThrow();
  answer = (response) => void response.destroy();
  await expect(ask()).rejects.toThrow();
  await expect(ask(undefined, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('an answer without end is given up, and its connection closed', async () => {
  answer = (response) => void pour(response.writeHead(200));
  await expect(ask()).rejects.toThrow(new BrokenAnswer(`its answer is larger than ${mostBytes} bytes`));
  await closed;
});

describe('of an error the status stands', () => {
  test('with its words, where they are few', async () => {
    answer = (response) => void response.writeHead(429, { 'retry-after': '3' }).end('too many');
    expect(await ask()).toMatchObject({ statusCode: 429, headers: { 'retry-after': '3' }, text: 'too many' });
  });

  test('where its words are too many: no more of them is read than needed', async () => {
    answer = (response) => void pour(response.writeHead(500));
    const { statusCode, text } = await ask();
    expect([statusCode, text.length > longestError]).toEqual([500, true]);
    expect(text.length).toBeLessThan(mostBytes / 4);
    await closed;
  });

  test('where its words break off', async () => {
    answer = (response) => response.writeHead(503).write('hal', () => response.destroy());
    expect(await ask()).toMatchObject({ statusCode: 503, text: 'hal' });
  });

  test('where its words never come: nobody waits for them, and the connection is closed', async () => {
    answer = (response) => response.writeHead(503).flushHeaders();
    const started = performance.now();
    expect(await ask()).toMatchObject({ statusCode: 503, text: '' });
    expect(performance.now() - started).toBeGreaterThan(longestWaitForWords - 50);
    await closed;
  });
});

describe('who gives up', () => {
  const why = new Error('the caller has left');

  test('before it has begun asks nobody', async () => {
    const before = requests;
    await expect(ask(AbortSignal.abort(why))).rejects.toBe(why);
    await sleep(50);
    expect(requests).toBe(before);
  });

  test.each([
    ['while the answer has not begun', () => undefined],
    ['in the middle of it', (response: ServerResponse) => void response.writeHead(200).write('half')],
    ['in the middle of the words of an error', (response: ServerResponse) => void response.writeHead(500).write('half')],
  ])('%s hears its own reason at once, and the server sees it', async (_, begin) => {
    const { promise: asked, resolve } = Promise.withResolvers<undefined>();
    answer = (response) => {
      begin(response);
      resolve(undefined);
    };
    const giving = new AbortController();
    const asking = ask(giving.signal);
    await asked;
    await sleep(50);
    giving.abort(why);
    await expect(asking).rejects.toBe(why);
    await closed;
  });

  test('afterwards changes nothing, nobody listens any more, and the connection is used again', async () => {
    answer = (response) => void response.writeHead(200, { 'x-port': String(response.socket?.remotePort) }).end('whole');
    const giving = new AbortController();
    const first = await ask(giving.signal);
    expect(getEventListeners(giving.signal, 'abort')).toEqual([]);
    giving.abort(why);
    const second = await ask();
    expect([first.text, second.headers['x-port']]).toEqual(['whole', first.headers['x-port']]);
  });
});
