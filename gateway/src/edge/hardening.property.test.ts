/** Requests with bytes changed, left out, put in or repeated, over a socket: whatever is left of HTTP in them, the answers are well formed and edge stays. */
import fc from 'fast-check';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentDouble, type AgentDouble } from './agent.double.ts';
import { agentsAt, edgeUnderTest, type EdgeUnderTest } from './edge.fixture.ts';

let agent: AgentDouble;
let edge: EdgeUnderTest;
let key: string;
beforeAll(async () => {
  agent = await agentDouble((response) => response.writeHead(200, { 'content-length': 2 }).end('{}'));
  edge = await edgeUnderTest({ maxBodyBytes: 1_000, headersTimeoutMs: 300, requestTimeoutMs: 600 });
  key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support') });
});
afterAll(async () => {
  await Promise.all([edge[Symbol.asyncDispose](), agent[Symbol.asyncDispose]()]);
});

const request = fc.constantFrom(
  (credential: string) =>
    `POST /v1/chat/completions HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ${credential}\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{"messages":[]}`,
  (credential: string) =>
    `POST /v1/files HTTP/1.1\r\nHost: chat.example\r\nX-Api-Key: ${credential}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  (credential: string) =>
    `GET /v1/models?agent=support HTTP/1.1\r\nHost: chat.example:443\r\nApi-Key: ${credential}\r\nConnection: close\r\n\r\n`,
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 4 }).map((some) => Buffer.from(some).toString('latin1')),
  fc.constantFrom(
    '\r\n',
    '\r\n\r\n',
    '\0',
    ': ',
    ' ',
    '\t',
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'HTTP/1.0',
    'ffffffff\r\n',
    'x'.repeat(20_000),
  ),
);
const change = fc.record({ at: fc.nat(), length: fc.constantFrom(0, 0, 1, 2, 10), put: bytes });
const spoilt = fc.tuple(request, fc.array(change, { minLength: 1, maxLength: 3 })).map(
  ([of, changes]) =>
    (credential: string) =>
      changes.reduce((text, { at, length, put }) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put + text.slice(place + length);
      }, of(credential)),
);

/** All that comes until edge closes the connection. */
function answerTo(text: string): Promise<string> {
  const socket = connect({ port: edge.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
  socket.end(Buffer.from(text, 'latin1'));
  let answer = '';
  socket.on('data', (piece) => (answer += piece.toString('latin1')));
  return new Promise((resolve) => socket.once('close', () => resolve(answer)));
}

/** Status and body of each answer, which must follow each other without anything between them. */
function answersIn(text: string): { readonly status: number; readonly body: string }[] {
  const answers: { status: number; body: string }[] = [];
  for (let rest = text; rest !== '';) {
    const [head, status, lines = ''] =
      /^HTTP\/1\.1 (\d{3}) [^\r\n]+\r\n((?:[-A-Za-z]+: [^\r\n]*\r\n)*)\r\n/.exec(rest) ??
      expect.fail(`no answer: ${JSON.stringify(rest.slice(0, 300))}`);
    const length = status === '100' ? 0 : Number(/^content-length: (\d+)\r$/im.exec(lines)?.[1] ?? 0);
    answers.push({ status: Number(status), body: rest.slice(head.length, head.length + length) });
    rest = rest.slice(head.length + length);
  }
  return answers;
}

test('what is left of a request is answered as a request or refused, in the documented way', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spoilt, { minLength: 1, maxLength: 30 }), async (requests) => {
      for (const text of await Promise.all(requests.map((of) => answerTo(of(key))))) {
        for (const { status, body } of answersIn(text)) {
          expect([100, 200, 400, 401, 404, 408, 413, 417, 431, 501]).toContain(status);
          if (status >= 400)
            expect(JSON.parse(body)).toMatchObject({ error: { code: expect.any(String) as string, type: expect.any(String) as string } });
        }
      }
      expect((await fetch(`${edge.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
    }),
    { numRuns: 150 },
  );
  expect(edge.lines.join('')).not.toContain('unexpected error');
});
