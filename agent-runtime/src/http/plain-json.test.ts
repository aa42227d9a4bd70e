import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { once } from 'node:events';
import { request } from 'node:http';
import { agentUnderTest } from '../runtime.fixture.ts';

const agent = await agentUnderTest();

type Body = NonNullable<RequestInit['body']>;

const inChunks = (text: string) => new Blob([text]).stream();

/** In each of these, a body may come. */
const ways: readonly (readonly [way: string, headers: Record<string, string>, bodyOf: (text: string) => Body])[] = [
  ['as clients send it', {}, (text) => text],
  ['with its charset', { 'content-type': 'application/json; charset=UTF-8' }, (text) => text],
  ['with a byte order mark', {}, (text) => `\uFEFF${text}`],
  ['in another charset', { 'content-type': 'application/json; charset=utf-16le' }, (text) => Buffer.from(text, 'utf16le')],
  ['compressed', { 'content-encoding': 'gzip' }, (text) => gzipSync(text)],
  ['in chunks, of a length that nobody knows', {}, inChunks],
];

const post = async (body: Body, headers: Record<string, string>) =>
  fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await agent.token()}`, 'content-type': 'application/json', ...headers },
    body,
    duplex: 'half',
  });

test.each(ways)('a completion that is asked for %s is answered, logged and measured alike', async (_way, headers, bodyOf) => {
  agent.log.length = 0;
  const answer = await post(bodyOf(JSON.stringify({ messages: [{ role: 'user', content: 'Grüße' }] })), headers);
  expect([answer.status, await answer.json()]).toMatchObject([200, { object: 'chat.completion' }]);
  expect(agent.egress.last().body.messages).toEqual([{ role: 'user', content: 'Grüße' }]);
  await expect.poll(() => agent.log.at(-1)).toContain('"route":"/v1/chat/completions","status":200');
});

test.each(ways)('what is no JSON is refused, sent %s', async (_way, headers, bodyOf) => {
  const answer = await post(bodyOf('{"messages": [secret'), headers);
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'invalid_json' } }]);
});

test('who leaves before all of a body has come is answered by nobody, and no model is asked', async () => {
  const [asked, token] = [agent.egress.received.length, await agent.token()];
  agent.log.length = 0;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 100 };
  const leaving = request(`${agent.url}/v1/chat/completions`, { method: 'POST', headers }).on('error', () => undefined);
  leaving.write('{"messages":');
  await once(leaving, 'socket');
  setTimeout(() => leaving.destroy(), 100);
  await expect.poll(() => agent.log.at(-1)).toContain('"status":499');
  expect(agent.egress.received.length).toBe(asked);
});
