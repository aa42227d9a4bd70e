/** What egress says of the budget beside its answer goes on to the caller. */
import { expect, test } from 'vitest';
import { echo, refuse } from '../model/egress.double.ts';
import { agentUnderTest } from '../runtime.fixture.ts';

const agent = await agentUnderTest();

const told = { 'x-cloister-downgraded': 'spare/small', 'x-cloister-throttled': '2.0' };
const messages = [{ role: 'user', content: 'Hello you' }];
const notesOf = ({ headers }: Response) => Object.fromEntries([...headers].filter(([name]) => Object.hasOwn(told, name)));

test.each([
  ['a completion', '/v1/chat/completions', { messages }],
  ['a streamed completion', '/v1/chat/completions', { messages, stream: true }],
  ['a message', '/api/v1/tenants/acme/chat', { message: 'Hello you' }],
  ['a streamed message', '/api/v1/tenants/acme/chat', { message: 'Hello you', stream: true }],
])('with %s', async (_, path, body) => {
  agent.egress.play((asked, response) => {
    for (const [name, value] of Object.entries(told)) response.setHeader(name, value);
    return echo(asked, response);
  });
  const answer = await agent.call('POST', path, { body });
  expect([answer.status, notesOf(answer)]).toEqual([200, told]);
  await answer.text();
});

test('with a refusal', async () => {
  const { 'x-cloister-throttled': waited } = told;
  agent.egress.play(refuse({ status: 429, code: 'budget_throttled', headers: { 'x-cloister-throttled': waited, 'retry-after': '30' } }));
  const answer = await agent.call('POST', '/v1/chat/completions', { body: { messages } });
  expect([answer.status, notesOf(answer), answer.headers.get('retry-after')]).toEqual([429, { 'x-cloister-throttled': waited }, '30']);
});
