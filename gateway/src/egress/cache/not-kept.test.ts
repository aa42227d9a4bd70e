/** Through egress as a whole: what is never given again. */
import { cacheHeader } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import { chunk, completion, endMark, failure, piece, stopChunk, streamed, type Answer } from '../providers/provider.double.ts';
import { cached, CachedWorld, finished } from './cached.fixture.ts';
import { localCacheStore } from './local-cache-store.ts';

const world = CachedWorld.during(localCacheStore());
const { addTenant, again, asked, embed } = world;

describe('nothing is kept of', () => {
  test.each<[string, object]>([
    ['a request without a temperature', { temperature: undefined }],
    ['a request that throws dice', { temperature: 0.1 }],
    ['a completion that the provider is to store', { store: true }],
    ['a request that is very long', { messages: [{ role: 'user', content: 'x'.repeat(300_000) }] }],
  ])('%s, and its answer says nothing of it', async (_, body) => {
    expect(await again(body)).toBeNull();
    expect(asked()).toBe(2);
  });

  test.each<[string, Answer, object]>([
    ['an answer that was cut off for length', finished('length'), {}],
    ['an answer that a filter ended', finished('content_filter'), {}],
    ['an answer that does not say how it ended', finished(null), {}],
    ['an answer of which a choice is missing', finished('stop'), { n: 2 }],
    ['an answer that is very long', completion('x'.repeat(1_100_000)), {}],
    ['an error in the shape of an answer', finished('stop', { error: { message: 'overloaded' } }), {}],
    ['an error', failure(400, '{"error":{"message":"no"}}'), {}],
    [
      'a stream that was cut off for length',
      streamed(piece('a'), chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] }), endMark),
      { stream: true },
    ],
    [
      'a stream that broke off',
      (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(piece('a')),
      { stream: true },
    ],
    ['a stream that failed', streamed(piece('a'), stopChunk, chunk({ error: { message: 'overloaded' } }), endMark), { stream: true }],
    [
      'a stream that is very long',
      streamed(...Array.from({ length: 20 }, () => piece('x'.repeat(60_000))), stopChunk, endMark),
      { stream: true },
    ],
  ])('%s', async (_, answer, body) => {
    world.provider.answer = answer;
    expect(await again(body)).toBe('miss');
    expect(asked()).toBe(2);
  });

  test('vectors whose usage is not told, for they may be none', async () => {
    world.provider.answer = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"error":{"message":"overloaded"}}');
    expect([(await embed()).status, (await embed()).headers.get(cacheHeader), asked()]).toEqual([200, 'miss', 2]);
  });

  test('an agent that does not want it, nor of one whose tenant may keep nothing', async () => {
    world.token = await addTenant(world.tenant, { agents: [{ ...cached, cacheSeconds: undefined }] });
    expect(await again()).toBeNull();
    world.token = await addTenant(world.tenant, { cacheBytes: 0 });
    expect(await again()).toBeNull();
  });
});
