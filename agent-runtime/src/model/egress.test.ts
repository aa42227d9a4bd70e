import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { INVALID_SPAN_CONTEXT } from '@opentelemetry/api';
import { egressClient } from './egress.ts';

/** A port at which nobody listens, until told to. */
async function port(): Promise<{ readonly baseURL: string; readonly open: () => Promise<void>; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.end('{}');
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listens at no port');
  await close();
  onTestFinished(async () => {
    await close();
  });
  return { baseURL: `http://127.0.0.1:${address.port}/v1`, open: () => listen(address.port), asked: () => asked };
}

const callOf = (baseURL: string, signal = new AbortController().signal) =>
  egressClient({ baseURL, agent: 'support', token: () => Promise.resolve('t') })({
    body: {},
    requestId: 'r',
    voucher: undefined,
    span: INVALID_SPAN_CONTEXT,
    signal,
  });

test('a call waits for a moment in which no connection comes about, as when the replica that it was led to has just died, and is sent once', async () => {
  const { baseURL, open, asked } = await port();
  const answer = callOf(baseURL);
  await sleep(500);
  await open();
  const { status, body } = await answer;
  body.resume();
  expect([status, asked()]).toEqual([200, 1]);
});

test('where none comes about for longer, the caller is told so, with a time to try again', async () => {
  const { baseURL } = await port();
  await expect(callOf(baseURL)).rejects.toMatchObject({ code: 'egress_unreachable', headers: { 'retry-after': '1' } });
});

test('a caller that leaves meanwhile ends the waiting at once', async () => {
  const { baseURL } = await port();
  const leaving = new AbortController();
  const answer = callOf(baseURL, leaving.signal);
  setTimeout(() => leaving.abort(new Error('left')), 100);
  const began = performance.now();
  await expect(answer).rejects.toThrow('left');
  expect(performance.now() - began).toBeLessThan(400);
});

/** Answers the first request, and resets the connection so many milliseconds after it has had the second. */
async function resetting(afterMs: number): Promise<{ readonly baseURL: string; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    request.resume();
    if (asked === 2) setTimeout(() => request.socket.resetAndDestroy(), afterMs);
    else response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listens at no port');
  return { baseURL: `http://127.0.0.1:${address.port}/v1`, asked: () => asked };
}

async function twice(baseURL: string) {
  const client = egressClient({ baseURL, agent: 'support', token: () => Promise.resolve('t') });
  const call = () =>
    client({ body: {}, requestId: 'r', voucher: undefined, span: INVALID_SPAN_CONTEXT, signal: new AbortController().signal });
  const first = await call();
  first.body.resume();
  await new Promise((resolve) => first.body.once('end', resolve));
  await sleep(20); // the connection is kept
  return call();
}

test('a kept connection that turns out closed costs a further try, on a connection of its own', async () => {
  const { baseURL, asked } = await resetting(0);
  const { status, body } = await twice(baseURL);
  body.resume();
  expect([status, asked()]).toEqual([200, 3]);
});

test('a call that egress may have had is not sent again: the model may have been asked', async () => {
  const { baseURL, asked } = await resetting(300);
  await expect(twice(baseURL)).rejects.toMatchObject({ code: 'egress_unreachable' });
  expect(asked()).toBe(2);
});
