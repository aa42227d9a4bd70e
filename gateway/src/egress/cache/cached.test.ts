/** Through egress as a whole: what is given again, to whom, and what it costs. */
import { cacheHeader } from '@cloister/tenancy';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { exportOf } from '../audit/command.ts';
import { callRecord } from '../audit/record.ts';
import { completion, endMark, failure, piece, providerDouble, stopChunk, streamed, usageChunk } from '../providers/provider.double.ts';
import type { CacheStore } from './cache-store.ts';
import { cached, CachedWorld, finished } from './cached.fixture.ts';
import { localCacheStore } from './local-cache-store.ts';

let away = false;
const inMemory = localCacheStore();
let looked = 0;
const cacheStore: CacheStore = {
  get: (...of) => {
    looked++;
    return away ? Promise.reject(new Error('connection reset')) : inMemory.get(...of);
  },
  put: (...of) => (away ? Promise.reject(new Error('connection reset')) : inMemory.put(...of)),
};

const world = CachedWorld.during(cacheStore);
const { addTenant, again, asked, chat, embed } = world;
beforeEach(() => {
  away = false;
});

describe('the same question', () => {
  test('has the same answer, byte for byte, and the provider is asked once', async () => {
    const [first, second] = [await chat(), await chat()];
    expect([first.cache, second.cache, asked()]).toEqual(['miss', 'hit', 1]);
    expect(second).toEqual({ ...first, cache: 'hit' });
  });

  test('is the same in whatever order its fields come', async () => {
    await chat({ temperature: 0, top_p: 1 });
    expect((await chat({ top_p: 1, temperature: 0 })).cache).toBe('hit');
  });

  test('as a stream has the same stream, without the usage that nobody asked for', async () => {
    world.provider.answer = streamed(piece('Hel'), piece('lo'), stopChunk, usageChunk(10, 5), endMark);
    const [first, second] = [await chat({ stream: true }), await chat({ stream: true })];
    expect([first.cache, second.cache, asked()]).toEqual(['miss', 'hit', 1]);
    expect(second).toEqual({ ...first, cache: 'hit' });
    expect(second.text).toBe([piece('Hel'), piece('lo'), stopChunk, endMark].join(''));
    const withUsage = { stream: true, stream_options: { include_usage: true } };
    expect((await chat(withUsage)).text).toContain('prompt_tokens');
    expect((await chat(withUsage)).cache).toBe('hit');
  });

  test('for embeddings has the same vectors, and needs no temperature', async () => {
    const vectors = JSON.stringify({ data: [{ embedding: [1, 2] }], usage: { prompt_tokens: 3, total_tokens: 3 } });
    world.provider.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(vectors);
    expect((await embed()).headers.get(cacheHeader)).toBe('miss');
    const second = await embed();
    expect([second.headers.get(cacheHeader), await second.text(), asked()]).toEqual(['hit', vectors, 1]);
  });

  test('with a seed is answered again at any temperature', async () => {
    expect(await again({ temperature: 1, seed: 7 })).toBe('hit');
  });

  test('of an answer that calls tools is answered again', async () => {
    world.provider.answer = finished('tool_calls');
    expect(await again()).toBe('hit');
  });
});

describe('nobody gets what another one was answered:', () => {
  test('another tenant is answered anew, and neither pushes out what is the other’s', async () => {
    const other = await addTenant(`${world.tenant}b`);
    world.provider.answer = completion('for one');
    await chat();
    world.provider.answer = completion('for the other');
    const first = await chat({}, other);
    expect([first.cache, first.text.includes('for the other')]).toEqual(['miss', true]);
    const [mine, theirs] = [await chat(), await chat({}, other)];
    expect([mine.cache, mine.text.includes('for one')]).toEqual(['hit', true]);
    expect([theirs.cache, theirs.text.includes('for the other')]).toEqual(['hit', true]);
  });

  test('a tenant of the same name, after the first is gone', async () => {
    await chat();
    const heir = await addTenant(world.tenant, { uid: 'another' });
    expect((await chat({}, heir)).cache).toBe('miss');
  });

  test('another agent of the same tenant', async () => {
    await chat();
    const agent = await world.egress.tokenOf(world.tenant, { pod: 'sales-7d9c5f8b6-x2x4z' });
    expect((await chat({}, agent)).cache).toBe('miss');
    expect((await chat({}, agent)).cache).toBe('hit');
  });

  test('a provider of the same name at another place', async () => {
    await chat();
    world.egress.addProvider('openai', { baseURL: world.provider.baseURL.replace('127.0.0.1', 'localhost') });
    expect((await chat()).cache).toBe('miss');
  });
});

test('what an agent wanted kept for long is not given again once it allows less', async () => {
  await chat();
  world.token = await addTenant(world.tenant, { agents: [{ ...cached, cacheSeconds: 1 }] });
  expect((await chat()).cache).toBe('hit');
  await vi.waitFor(async () => expect((await chat()).cache).toBe('miss'), { timeout: 3_000, interval: 200 });
});

test('what answered in the place of another is kept as its own, and given again in that place', async () => {
  const spare = await providerDouble(completion('from the spare'));
  world.egress.addProvider('spare', { baseURL: spare.baseURL });
  const fallbacks = ['spare/m1'];
  const models = [{ name: 'm1', contextWindow: 1000, maxOutputTokens: 100, price: { inputPerMillion: 1, outputPerMillion: 1 }, fallbacks }];
  world.egress.addProvider('openai', { baseURL: world.provider.baseURL, models });
  world.provider.answer = failure(503, 'no');
  expect([await again(), asked(), spare.asked.length]).toEqual(['hit', 2, 1]);
  world.provider.answer = completion('from the first');
  const anew = await chat();
  expect([anew.cache, anew.text.includes('from the first')]).toEqual(['miss', true]);
  expect((await chat({ model: 'spare/m1' })).cache).toBe('hit');
  await spare[Symbol.asyncDispose]();
});

describe('an answer that is given again', () => {
  const records = async (count: number) =>
    vi.waitFor(async () => {
      const lines: string[] = [];
      for await (const line of await exportOf(world.egress.sql, world.tenant)) lines.push(line);
      const found = lines.slice(1, -1).map((line) => z.object({ record: callRecord }).parse(JSON.parse(line)).record);
      expect(found).toHaveLength(count);
      return found;
    }, 3_000);

  test('costs nothing, is no usage, and is on record as what it is', async () => {
    await chat();
    await vi.waitFor(
      async () => expect(await world.egress.standing(world.tenant)).toMatchObject({ settled: 20, tokens: 15, reserved: 0 }),
      3_000,
    );
    await chat();
    expect(await records(2)).toMatchObject([
      { outcome: 'answered', cache: 'miss', attempts: 1, microUsd: 20, inputTokens: 10 },
      { outcome: 'answered', cache: 'hit', attempts: 0, microUsd: 0, inputTokens: 0, model: 'openai/m1', provider: 'openai' },
    ]);
    expect(await world.egress.standing(world.tenant)).toMatchObject({ settled: 20, tokens: 15, reserved: 0 });
    const usage = await world.egress.sql.query('select requests::int from cloister_egress.usage where tenant = $1', [world.tenant]);
    expect(usage).toEqual([{ requests: 1 }]);
  });

  test('is given where the budget is spent and the provider is away; a new question is not', async () => {
    await chat();
    world.token = await addTenant(world.tenant, { budget: { timeZone: 'UTC', daily: { usd: 0 } } });
    await world.provider[Symbol.asyncDispose]();
    expect(await chat()).toMatchObject({ status: 200, cache: 'hit' });
    expect((await chat({ top_p: 1 })).status).toBe(429);
  });

  test('is refused to a tenant that is suspended, may not use the model, or asks for too much', async () => {
    const tooMuch = { max_tokens: 5000 };
    await chat();
    world.token = await addTenant(world.tenant, { models: ['spare/m1'] });
    expect((await chat()).status).toBe(403);
    world.token = await addTenant(world.tenant, { state: 'Suspended' });
    expect((await chat()).status).toBe(403);
    world.token = await addTenant(world.tenant);
    expect((await chat(tooMuch)).status).toBe(400);
  });

  test('is counted by tenant', async () => {
    await again();
    away = true;
    await chat();
    const found = await world.egress.registry.getSingleMetric('cloister_cache_lookups_total')?.get();
    const own = found?.values
      .filter(({ labels }) => labels['tenant'] === world.tenant)
      .map(({ labels, value }) => [labels['outcome'], value]);
    expect(Object.fromEntries(own ?? [])).toEqual({ miss: 1, hit: 1, away: 1 });
  });
});

test('while the store is away every call is a miss, none fails, and few wait for it; it is asked again when it is back', async () => {
  away = true;
  looked = 0;
  for (let turn = 0; turn < 10; turn++) expect((await chat()).cache).toBe('miss');
  expect(asked()).toBe(10);
  expect(looked).toBeLessThan(5);
  away = false;
  await vi.waitFor(async () => expect(await again()).toBe('hit'), { timeout: 3_000, interval: 200 });
  expect(world.egress.lines.join('')).toContain('kept answers cannot be reached');
});

test('what somebody has spoilt in the store is as if it were not there', async () => {
  const put = vi.spyOn(inMemory, 'put');
  await chat();
  const [uid = '', address = '', value] = put.mock.lastCall ?? [];
  put.mockRestore();
  await inMemory.put(uid, address, Buffer.concat([Buffer.from([1]), value ?? Buffer.of()]), { seconds: 60, bytes: 1_000_000 });
  expect((await chat()).cache).toBe('miss');
  expect((await chat()).cache).toBe('hit');
});
