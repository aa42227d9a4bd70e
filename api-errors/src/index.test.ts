import { expect, test } from 'vitest';
import { once } from 'node:events';
import { createServer } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { connect } from 'node:net';
import { answerError, failures, onceOver, sendError } from './index.ts';

const fail = failures({ budget_exceeded: { status: 429, type: 'insufficient_quota', say: 'the {window} budget is spent' } });

test('an error says what happened in the shape that OpenAI clients parse', () => {
  expect(fail('budget_exceeded', { values: { window: 'daily' } }).body).toEqual({
    error: { message: 'the daily budget is spent', type: 'insufficient_quota', param: null, code: 'budget_exceeded' },
  });
});

test('an error tells in whole seconds when to try again', () => {
  expect(fail('budget_exceeded', { retryAfterSeconds: 1.2 }).headers).toEqual({ 'retry-after': '2' });
});

test.each([
  ['a path that cannot be decoded', '/%E0%A4%A', 'application/json', 400],
  ['a charset that nobody knows', '/x', 'application/json; charset=klingon', 415],
])('what express refuses by itself keeps its status: %s', async (_what, path, contentType, status) => {
  const reported: unknown[] = [];
  const last: ErrorRequestHandler = (error, _request, answered, _next) => answerError(answered, error, (what) => reported.push(what));
  const app = express()
    .use(express.json())
    .post('/:id', (_request, response) => void response.json({}))
    .use(last);
  const server = createServer(app).listen(0);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { 'content-type': contentType }, body: '{}' });
  server.close();
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_request', type: 'invalid_request_error' } });
  expect(reported).toEqual([]);
});

test.each([
  ['the error', { connection: 'close' }, {}],
  ['the server, which is leaving', {}, { connection: 'close' }],
])('who sends all of a request before reading hears of the error, although %s closes the connection', async (_, ofError, ofServer) => {
  const server = createServer((_request, response) => {
    for (const [name, value] of Object.entries(ofServer)) response.setHeader(name, value);
    sendError(response, fail('budget_exceeded', { headers: ofError }));
  }).listen(0);
  await once(server, 'listening');
  const address = server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1').pause();
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n${'x'.repeat(4_000_000)}`, () => resolve());
  });
  let text = '';
  for await (const piece of socket.setEncoding('utf8')) text += String(piece);
  server.close();
  expect(text).toMatch(/^HTTP\/1.1 429 [^]*budget_exceeded/);
});

test.each([
  ['has heard all of it', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n', true],
  ['leaves before', 'GET /unanswered HTTP/1.1\r\nHost: x\r\n\r\n', false],
])('an answer is over once, whether its caller %s', async (_, request, whole) => {
  const told: boolean[] = [];
  const asked = Promise.withResolvers<undefined>();
  const closed = Promise.withResolvers<undefined>();
  const server = createServer(({ url }, response) => {
    onceOver(response, (one) => told.push(one));
    response.once('close', () => closed.resolve(undefined));
    if (url === '/') sendError(response, fail('budget_exceeded', { headers: { connection: 'close' } }));
    asked.resolve(undefined);
  }).listen(0);
  await once(server, 'listening');
  const address = server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  socket.write(request);
  await asked.promise;
  if (whole) await once(socket, 'data');
  socket.destroy();
  await closed.promise;
  server.close();
  expect(told).toEqual([whole]);
});

test('of an answer whose caller has left before anybody looked, that is told at once', async () => {
  const told: boolean[] = [];
  const looked = Promise.withResolvers<undefined>();
  const server = createServer((_, response) => {
    response.once('close', () =>
      setImmediate(() => {
        onceOver(response, (whole) => told.push(whole));
        looked.resolve(undefined);
      }),
    );
    socket.destroy();
  }).listen(0);
  await once(server, 'listening');
  const address = server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await looked.promise;
  server.close();
  expect(told).toEqual([false]);
});
