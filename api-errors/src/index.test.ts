import { expect, test } from 'vitest';
import { once } from 'node:events';
import { createServer } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { answerError, failures } from './index.ts';

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
