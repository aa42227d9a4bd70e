/** Random histories of a fleet whose budgets are to last: what is left above the soft share is there when its time has come, and not before. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fleet, ladderOf, type Fate } from './fleet.fixture.ts';
import { silence } from './keep-expiring.ts';
import { LedgerModel } from './ledger-model.fixture.ts';
import type { Limit, WindowKind } from './limits.ts';
import { limitsUnder, progressOf, type Soft } from './soft-limit.ts';

const [hour, day] = [3_600_000, 86_400_000];
const midnight = Date.UTC(2026, 10, 29);
const who = { tenant: 'a', agent: '', caller: '' };
const which = fc.nat(2);
const fate = fc.constantFrom<Fate>('arrives', 'arrives', 'arrives', 'is lost', 'loses its answer', 'is said twice');
const steps = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('call' as const), which, size: fc.integer({ min: 1, max: 300 }), fate }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('bill' as const), which, at: fc.nat(), amount: fc.bigInt(1n, 300n) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), which, at: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('beat' as const), which, fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 16_000, hour, 5 * hour) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), which }) },
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;
const history = fc.record({
  daily: fc.bigInt(200n, 2_000n),
  monthly: fc.bigInt(200n, 5_000n),
  percent: fc.integer({ min: 1, max: 99 }),
  steps: fc.array(steps, { minLength: 10, maxLength: 80 }),
});

async function take(fleet: Fleet, books: LedgerModel, soft: Soft, step: Step): Promise<void> {
  if (step.do === 'call') await fleet.call(step.which, who, ladderOf(step.size), step.fate, soft);
  else if (step.do === 'bill') fleet.stream(step.which, step.at, step.amount);
  else if (step.do === 'settle') fleet.settle(step.which, step.at);
  else if (step.do === 'beat') await fleet.beat(step.which, step.fate);
  else if (step.do === 'wait') books.now += step.ms;
  else if (step.do === 'cut') fleet.cut(step.which);
  else if (step.do === 'expire') await fleet.expire();
  else fleet.crash(step.which);
}

/** Of windows that last: those of days that are over have released everything. */
function allowedNow(limits: readonly Limit[], soft: Soft, now: number): Record<WindowKind, bigint> {
  const ends = { daily: Math.floor(now / day) * day + day, monthly: Date.UTC(2026, 11, 1) };
  const of = (kind: WindowKind) => progressOf(kind, '2026-11-01', ends[kind] - now);
  const [daily, monthly] = limitsUnder(limits, soft, { daily: of('daily'), monthly: of('monthly') });
  return { daily: daily?.microUsd ?? 0n, monthly: monthly?.microUsd ?? 0n };
}

test.each(['released', 'kept'] as const)(
  'over all replicas, no more is spent and held than there is at the time: what is beyond is %s',
  { timeout: 120_000 },
  async (rest) => {
    let beyond = 0;
    await fc.assert(
      fc.asyncProperty(history, async ({ daily, monthly, percent, steps: taken }) => {
        const books = new LedgerModel(midnight);
        const fleet = new Fleet(3, books, books);
        const soft: Soft = { percent, rest };
        const limits: Limit[] = [
          { kind: 'daily', microUsd: daily, tokens: undefined },
          { kind: 'monthly', microUsd: monthly, tokens: undefined },
        ];
        fleet.limit('a', limits);
        for (const step of taken) {
          if (books.now > midnight + 40 * hour) break; // the month is over
          await take(fleet, books, soft, step);
          fleet.check();
          const allowed = allowedNow(limits, soft, books.now);
          for (const kind of ['daily', 'monthly'] as const) {
            const start = kind === 'daily' ? new Date(books.now).toISOString().slice(0, 10) : '2026-11-01';
            const { settled, reserved } = books.windowOf('a', kind, start);
            const held = settled.microUsd + reserved.microUsd;
            expect(held <= allowed[kind], `${kind}: ${held} of ${allowed[kind]}`).toBe(true);
            if (held * 100n > (kind === 'daily' ? daily : monthly) * BigInt(percent)) beyond++;
          }
        }
        await fleet.end(() => Promise.resolve(void (books.now += (silence + 1) * 1_000)));
      }),
      { numRuns: 1_500 },
    );
    // Where the rest is kept nobody gets it; where it is released somebody does.
    if (rest === 'kept') expect(beyond).toBe(0);
    else expect(beyond).toBeGreaterThan(100);
  },
);
