import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { egressDouble, type EgressDouble } from '../model/egress.double.ts';
import { testAgent, testDocument, type TestAgent } from '../runtime.fixture.ts';
import { databaseStartMs } from '../store/database.fixture.ts';
import type { Database } from '../store/database.ts';
import { openPGlite } from '../store/pglite.ts';

const path = '/api/v1/tenants/acme/settings';
const bounds = {
  models: ['extra/model'],
  temperature: { min: 0, max: 1 },
  maxOutputTokens: { min: 1, max: 1_000 },
  additionalInstructions: { maxLength: 100 },
};

let database: Database;
let egress: EgressDouble;
let agent: TestAgent;
let replica: TestAgent;

beforeAll(async () => {
  database = await openPGlite();
  egress = await egressDouble();
}, databaseStartMs);
afterAll(async () => {
  egress.close();
  await database.close();
});
beforeEach(async () => {
  const { agent: name } = testDocument();
  const document = { agent: name, egressURL: egress.baseURL, settings: bounds, instructions: 'Base.', parameters: { temperature: 0.5 } };
  agent = await testAgent({ database, egress, document });
  replica = await testAgent({ database, egress, document });
  return async () => {
    await Promise.all([agent.stop(), replica.stop()]);
  };
});

const tagOf = async (of: TestAgent): Promise<string> => (await of.call('GET', path)).headers.get('etag') ?? '';
const put = (body: unknown, ifMatch?: string, of = agent): Promise<Response> =>
  of.call('PUT', path, { body, headers: ifMatch === undefined ? {} : { 'if-match': ifMatch } });

describe('reading settings', () => {
  test('shows what is set, what the AgentConfig gives and how far each may go', async () => {
    const answer = await agent.call('GET', path);
    expect(await answer.json()).toEqual({
      model: null,
      temperature: null,
      maxOutputTokens: null,
      additionalInstructions: null,
      defaults: { model: 'offline/echo', temperature: 0.5, maxOutputTokens: null, additionalInstructions: null },
      bounds,
    });
    expect(answer.headers.get('etag')).toMatch(/^"0-[0-9a-f]{12}"$/);
  });

  test('answers 304 to who has them already', async () => {
    const answer = await agent.call('GET', path, { headers: { 'if-none-match': await tagOf(agent), 'cache-control': 'max-age=0' } });
    expect(answer.status).toBe(304);
  });
});

describe('changing settings', () => {
  test('counts for the next request on every replica', async () => {
    expect((await put({ model: 'extra/model', additionalInstructions: 'More.', temperature: 0 }, '*')).status).toBe(200);
    await replica.call('POST', '/v1/chat/completions', { body: { messages: [{ role: 'user', content: 'x' }] } });
    expect(egress.last().body).toMatchObject({
      model: 'extra/model',
      temperature: 0,
      messages: [{ role: 'system', content: 'Base.\n\nMore.' }, { role: 'user' }],
    });
  });

  test('gives a new tag that lets the next change through', async () => {
    const first = await put({ temperature: 0.1 }, await tagOf(agent));
    expect(first.status).toBe(200);
    expect(await first.json()).toMatchObject({ temperature: 0.1, model: null });
    const second = await put({ temperature: 0.2 }, first.headers.get('etag') ?? '');
    expect(second.status).toBe(200);
    expect(second.headers.get('etag')).toBe(await tagOf(replica));
  });

  test('takes what reading gave, edited, and sets what is missing back to the AgentConfig', async () => {
    await put({ temperature: 0.1, maxOutputTokens: 5 }, '*');
    const read: unknown = await (await agent.call('GET', path)).json();
    const answer = await put({ ...(typeof read === 'object' ? read : {}), maxOutputTokens: undefined, temperature: 0.9 }, '*');
    expect(await answer.json()).toMatchObject({ temperature: 0.9, maxOutputTokens: null });
  });

  test('needs an If-Match', async () => {
    const answer = await put({ temperature: 0.1 });
    expect(answer.status).toBe(428);
    expect(await answer.json()).toMatchObject({ error: { code: 'precondition_required', param: 'if-match' } });
  });

  test.each([
    ['an older tag', (tag: string) => tag.replace('0-', '7-')],
    ['a weak tag', (tag: string) => `W/${tag}`],
    ['the tag of another configuration', () => '"0-000000000000"'],
    ['a tag without quotes', (tag: string) => tag.replaceAll('"', '')],
  ])('is refused with %s', async (_what, change) => {
    const answer = await put({ temperature: 0.1 }, change(await tagOf(agent)));
    expect(answer.status).toBe(412);
    expect(await answer.json()).toMatchObject({ error: { code: 'precondition_failed' } });
  });

  test('accepts one good tag among several', async () => {
    expect((await put({ temperature: 0.1 }, `"x", ${await tagOf(agent)}`)).status).toBe(200);
  });

  test('is refused whole, naming field, value and bounds, when one field is out of bounds', async () => {
    const answer = await put({ temperature: 3, maxOutputTokens: 5 }, '*');
    expect(answer.status).toBe(400);
    const problem = 'temperature is 3; it must be from 0 to 1';
    expect(await answer.json()).toMatchObject({ error: { code: 'invalid_request', param: 'temperature', message: problem } });
    expect(await (await agent.call('GET', path)).json()).toMatchObject({ maxOutputTokens: null });
  });

  test.each([
    ['an unknown field', { temprature: 0.1 }],
    ['a wrong type', { temperature: 'hot' }],
    ['half a token', { maxOutputTokens: 1.5 }],
  ])('is refused for %s', async (_what, body) => {
    expect((await put(body, '*')).status).toBe(400);
  });

  test.each(['first', 'later'])('by many at once lets exactly one through (%s change)', async (which) => {
    if (which === 'later') await put({ temperature: 0.5 }, '*');
    const tag = await tagOf(agent);
    const racers = Array.from({ length: 8 }, (_, index) => put({ temperature: index / 10 }, tag, index % 2 === 0 ? agent : replica));
    const statuses = (await Promise.all(racers)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(7).fill(412)]);
  });

  test('of one agent leaves the others alone', async () => {
    const other = await testAgent({ database, egress, document: { settings: bounds } });
    await put({ temperature: 0.1 }, '*');
    expect(await (await other.call('GET', path)).json()).toMatchObject({ temperature: null });
    await other.stop();
  });
});
