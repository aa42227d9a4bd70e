import fc from 'fast-check';
import { createLogger } from '@cloister/telemetry';
import { describe, expect, test } from 'vitest';
import { agentDouble } from '../agent.double.ts';
import { agentsAt, edgeUnderTest } from '../edge.fixture.ts';
import { withFallback } from './fallback.ts';
import { LocalLimiter } from './local-limiter.ts';
import type { RateLimiter } from './window.ts';

test('no minute ever sees more than the limit, whenever requests come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 100 }),
      async (limit, gaps) => {
        let now = 1_000_000;
        const limiter = new LocalLimiter(() => now);
        const admitted: number[] = [];
        for (const gap of gaps) {
          now += gap;
          if ((await limiter.take('t', limit)).admitted) admitted.push(now);
        }
        for (const start of admitted) {
          expect(admitted.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(limit);
        }
      },
    ),
  );
});

test('whoever waits as long as it was told is admitted', async () => {
  let now = 1_000_000;
  const limiter = new LocalLimiter(() => now);
  await limiter.take('t', 2);
  now += 20_000;
  await limiter.take('t', 2);
  const { admitted, retrySeconds } = await limiter.take('t', 2);
  expect([admitted, retrySeconds]).toEqual([false, 41]);
  now += retrySeconds * 1000;
  expect((await limiter.take('t', 2)).admitted).toBe(true);
});

test('tenants do not take each other’s places', async () => {
  const limiter = new LocalLimiter();
  await limiter.take('a', 1);
  expect((await limiter.take('b', 1)).admitted).toBe(true);
});

describe('while the shared count is away', () => {
  const away: RateLimiter = { take: () => Promise.reject(new Error('no connection')) };

  test('each replica counts for itself, says so once, and nobody is refused for it', async () => {
    const lines: string[] = [];
    let fallbacks = 0;
    const log = createLogger({ name: 'edge', destination: { write: (line) => void lines.push(line) } });
    const limiter = withFallback({ shared: away, log, onFallback: () => fallbacks++ });
    const verdicts = [await limiter.take('t', 2), await limiter.take('t', 2), await limiter.take('t', 2)];
    expect(verdicts.map(({ admitted }) => admitted)).toEqual([true, true, false]);
    expect([fallbacks, lines.length]).toEqual([3, 1]);
  });
});

test('a caller is told how many requests are left, and beyond the limit when to come back', async () => {
  await using agent = await agentDouble();
  await using edge = await edgeUnderTest();
  const key = edge.addTenant('acme', { ...agentsAt(agent.url, 'support'), rateLimits: { requestsPerMinute: 2 } });
  const ask = () => fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': key } });
  const answers = [await ask(), await ask(), await ask()];
  expect(answers.map(({ status, headers }) => [status, headers.get('x-ratelimit-remaining-requests')])).toEqual([
    [200, '1'],
    [200, '0'],
    [429, '0'],
  ]);
  const last = answers[2];
  expect(last?.headers.get('x-ratelimit-limit-requests')).toBe('2');
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(50);
  expect(await last?.json()).toMatchObject({ error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' } });
});
