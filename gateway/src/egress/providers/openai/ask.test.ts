import { getEventListeners, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent as Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portOf } from '../../../server/serve.ts';
import { BrokenAnswer, NeverSent } from '../provider.ts';
import { ask as askFor, longestError, longestWaitForWords, mostBytes } from './ask.ts';

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

const to = (port: number, signal: AbortSignal) =>
  ({ origin: `http://127.0.0.1:${port}`, path: '/', method: 'POST', body: '{}', signal }) as const;
async function ask(signal = new AbortController().signal, port = portOf(server)) {
  const answered = await askFor(pool, to(port, signal), false);
  return answered.kind === 'whole' ? answered : expect.fail('a stream');
}
async function askForStream(signal = new AbortController().signal) {
  const answered = await askFor(pool, to(portOf(server), signal), true);
  return answered.kind === 'stream' ? answered : expect.fail('no stream');
}
const streaming = { 'content-type': 'text/event-stream; charset=utf-8' };
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
  await expect(ask()).rejects.toThrow(/terminated|closed/);
  answer = (response) => void response.destroy();
  await expect(ask()).rejects.toThrow(/terminated|closed/);
});

test('of a request that found no connection the caller hears that it was never sent', async () => {
  const asking = ask(undefined, 1);
  await expect(asking).rejects.toThrow(NeverSent);
  await expect(asking).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
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
    await expect(ask(AbortSignal.abort(why))).rejects.toMatchObject({ name: 'NeverSent', cause: why });
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

describe('a stream', () => {
  test('comes as it is sent, piece by piece, and its connection is used again', async () => {
    let go = (): unknown => undefined;
    answer = (response) => {
      response.writeHead(200, { ...streaming, 'x-port': String(response.socket?.remotePort) }).write('one');
      go = () => response.end('two');
    };
    const { pieces, headers } = await askForStream();
    const read: string[] = [];
    for await (const piece of pieces) {
      read.push(piece.toString());
      if (read.length === 1) go();
    }
    answer = (response) => void response.writeHead(200, { 'x-port': String(response.socket?.remotePort) }).end('whole');
    expect([read, (await ask()).headers['x-port']]).toEqual([['one', 'two'], headers['x-port']]);
  });

  test('is none where its content type is that of another answer, or its status that of an error', async () => {
    answer = (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    expect(await askFor(pool, to(portOf(server), new AbortController().signal), true)).toMatchObject({ kind: 'whole', text: '{}' });
    answer = (response) => void response.writeHead(429, streaming).end('too many');
    expect(await askFor(pool, to(portOf(server), new AbortController().signal), true)).toMatchObject({ kind: 'whole', text: 'too many' });
  });

  test('that breaks off tells so, behind what had come', async () => {
    answer = (response) => response.writeHead(200, streaming).write('half', () => response.destroy());
    const read: string[] = [];
    const reading = (async () => {
      for await (const piece of (await askForStream()).pieces) read.push(piece.toString());
    })();
    await expect(reading).rejects.toThrow();
    expect(read).toEqual(['half']);
  });

  test('is held back where nobody reads, and goes on to its last byte when somebody does', async () => {
    const size = 24 * mebibyte.length;
    let sent = 0;
    answer = (response) => {
      response.writeHead(200, streaming);
      void (async () => {
        for (; sent < size; sent += mebibyte.length) if (!response.write(mebibyte)) await once(response, 'drain');
        response.end();
      })();
    };
    const { pieces } = await askForStream();
    for (let before = -1; before < sent;) {
      before = sent;
      await sleep(300);
    }
    expect(sent).toBeLessThan(size);
    let read = 0;
    for await (const piece of pieces) read += piece.length;
    expect(read).toBe(size);
  }, 20_000);

  test('that nobody reads on ends, for the server too', async () => {
    answer = (response) => void pour(response.writeHead(200, streaming));
    for await (const _ of (await askForStream()).pieces) break;
    await closed;
  });

  test('that is given up ends with the reason, without what nobody had read, and the server sees it', async () => {
    answer = (response) => void response.writeHead(200, streaming).write('half');
    const giving = new AbortController();
    const { pieces } = await askForStream(giving.signal);
    await sleep(50);
    const why = new Error('the caller has left');
    giving.abort(why);
    const read: Buffer[] = [];
    const reading = (async () => {
      for await (const piece of pieces) read.push(piece);
    })();
    await expect(reading).rejects.toBe(why);
    expect(read).toEqual([]);
    await closed;
    expect(getEventListeners(giving.signal, 'abort')).toEqual([]);
  });
});
