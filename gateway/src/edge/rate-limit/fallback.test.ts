import { createLogger } from '@cloister/telemetry';
import { expect, onTestFinished, test, vi } from 'vitest';
import { withFallback } from './fallback.ts';
import { claimOf, limitOf } from './limiter.specification.ts';
import { isAdmitted, type RateLimiter } from './limiter.ts';
import { LocalLimiter } from './local-limiter.ts';

const gone = () => Promise.reject(new Error('no connection'));
const away: RateLimiter = { take: gone, end: () => undefined, close: () => Promise.resolve() };

function underTest(shared: RateLimiter) {
  const lines: string[] = [];
  let fallbacks = 0;
  const log = createLogger({ name: 'edge', destination: { write: (line) => void lines.push(line) } });
  const limiter = withFallback({ shared, log, onFallback: () => fallbacks++ });
  onTestFinished(() => limiter.close());
  return { limiter, lines, fallbacks: () => fallbacks };
}

test('while the shared count is away each replica counts for itself, says so once, and nobody is refused for it', async () => {
  const { limiter, lines, fallbacks } = underTest(away);
  const limit = limitOf('requests', 2);
  const answers = await Promise.all([1, 2, 3].map(() => limiter.take(claimOf(limit))));
  expect(answers.map(isAdmitted)).toEqual([true, true, false]);
  expect([fallbacks(), lines.length]).toEqual([3, 1]);
});

test('a request ends where it was counted, although the shared count has come back meanwhile', async () => {
  const shared = new LocalLimiter();
  const take = vi.spyOn(shared, 'take').mockRejectedValueOnce(new Error('no connection'));
  const end = vi.spyOn(shared, 'end');
  const { limiter } = underTest(shared);
  const limit = limitOf('concurrent', 1);
  const [local, together] = [claimOf(limit), claimOf(limit)];
  expect([isAdmitted(await limiter.take(local)), isAdmitted(await limiter.take(together))]).toEqual([true, true]);
  limiter.end(local, 0);
  expect(end).not.toHaveBeenCalled();
  limiter.end(together, 0);
  limiter.end(together, 0);
  expect([take.mock.calls.length, end.mock.calls.length]).toEqual([2, 1]);
});
