import { describe, expect, test } from 'vitest';
import type { UsageStatus } from '../api/usage.ts';
import { budgetAlerts, differs, usageShown, type Figures, type Reading } from './shown.ts';

const now = new Date('2026-11-26T09:00:00.500Z');
const later = new Date('2026-11-26T10:00:00Z');
const thresholds = [50, 80, 100];
const day = (microUsd: number, percent?: number, startsOn = '2026-11-26') => ({ startsOn, microUsd, tokens: microUsd * 2, percent });
const heard = (daily: Figures['daily'], monthly = { ...day(daily.microUsd), startsOn: '2026-11-01' }): Figures => ({ daily, monthly });
type Said = Reading['figures'];
const reading = (figures: Said, at = now): Reading => ({ at, figures });
const after = (...all: Said[]) =>
  all.reduce<UsageStatus | undefined>(
    (shown, figures, turn) => usageShown(shown, reading(figures, turn === 0 ? now : later), thresholds),
    undefined,
  );

describe('the status', () => {
  test('shows dollars to the millionth, tokens, and the share of the limit, as of when they were read', () => {
    expect(after(heard(day(1_234_567, 12)))).toEqual({
      asOf: '2026-11-26T09:00:00Z',
      daily: { startsOn: '2026-11-26', usd: 1.234567, tokens: 2_469_134, percent: 12 },
      monthly: { startsOn: '2026-11-01', usd: 1.234567, tokens: 2_469_134 },
    });
  });

  test('shows what is owed from windows before, as long as it is', () => {
    const owing = { ...day(5, 12), debtMicroUsd: 1_500_000, debtTokens: 3 };
    expect(after(heard(owing))?.daily).toEqual({
      startsOn: '2026-11-26',
      usd: 0.000005,
      tokens: 10,
      debtUsd: 1.5,
      debtTokens: 3,
      percent: 12,
    });
    expect(after(heard(day(5, 12)), heard(owing))?.daily.debtUsd).toBe(1.5);
    expect(after(heard(owing), heard(day(5, 12)))?.daily).not.toHaveProperty('debtUsd');
  });

  test('stays as it is, its time as well, while the numbers do', () => {
    const before = after(heard(day(5)));
    expect(usageShown(before, reading(heard(day(5)), later), thresholds)).toBe(before);
    expect(usageShown(before, undefined, thresholds)).toBe(before);
  });

  test('does not go back to what was read before', () => {
    const before = usageShown(undefined, reading(heard(day(5)), later), thresholds);
    expect(usageShown(before, reading(heard(day(4)), now), thresholds)).toBe(before);
  });

  test('is not there where nothing was used, or nobody has said', () => {
    expect(after('nothing')).toBeUndefined();
    expect(usageShown(undefined, undefined, thresholds)).toBeUndefined();
    expect(differs(undefined, 'nothing')).toBe(false);
  });

  test('begins anew on a new day, and not on one in which nothing was used', () => {
    const month = { ...day(5), startsOn: '2026-11-01' };
    const empty = after(heard(day(5, 50)), heard(day(0, 0, '2026-11-27'), month));
    expect(empty?.daily).toEqual({ startsOn: '2026-11-27', usd: 0, tokens: 0, percent: 0 });
    expect(after(heard(day(5, 50)), heard(day(0, 0, '2026-11-27'), month), heard(day(0, 0, '2026-11-28'), month))).toEqual(empty);
  });

  test('goes to nothing with the month', () => {
    const shown = after(heard(day(5, 50)), 'nothing');
    expect(shown).toMatchObject({ daily: { usd: 0, tokens: 0, percent: 0 }, monthly: { usd: 0, tokens: 0 } });
    expect(differs(shown, 'nothing')).toBe(false);
  });
});

describe('an alert', () => {
  const told = (...all: Said[]) => {
    const messages: string[] = [];
    let shown: UsageStatus | undefined;
    for (const figures of all) {
      const next = usageShown(shown, reading(figures), thresholds);
      messages.push(...budgetAlerts(shown, next).map(({ note }) => note.message));
      shown = next;
    }
    return messages.map((message) => message.replace(/: .*/, ''));
  };
  const daily = (percent: number) => `the daily budget is used up to ${percent} %`;

  test('is told once for each threshold', () => {
    expect(told(...[10, 49, 50, 51, 79, 85, 99, 100].map((percent) => heard(day(percent, percent))))).toEqual([50, 80, 100].map(daily));
  });

  test('is told for the highest of several that were passed at once', () => {
    expect(told(heard(day(95, 95)))).toEqual([daily(80)]);
  });

  test('is not told again in its window, even where the limit was raised meanwhile', () => {
    expect(told(...[85, 20, 85].map((percent, turn) => heard(day(turn + 1, percent))))).toEqual([daily(80)]);
  });

  test('is told for a threshold that was set meanwhile, although the numbers rest and nobody has said anything since', () => {
    const shown = after(heard(day(75, 75)));
    for (const heardSince of [reading(heard(day(75, 75)), later), undefined]) {
      const next = usageShown(shown, heardSince, [70]);
      expect(budgetAlerts(shown, next).map(({ note }) => note.message.replace(/: .*/, ''))).toEqual([daily(70)]);
      expect(usageShown(next, heardSince, [70])).toBe(next);
    }
  });

  test('is told again in the next', () => {
    expect(told(heard(day(85, 85)), heard(day(86, 86, '2026-11-27')))).toEqual([daily(80), daily(80)]);
  });

  test('is about day and month by themselves, and says what was used', () => {
    const figures = heard(day(85, 85), { startsOn: '2026-11-01', microUsd: 2_500_000, tokens: 7, percent: 55 });
    expect(budgetAlerts(undefined, after(figures)).map(({ note }) => note)).toEqual([
      { type: 'Warning', reason: 'BudgetAlert', message: `${daily(80)}: $0.000085 and 170 tokens since 2026-11-26` },
      { type: 'Warning', reason: 'BudgetAlert', message: 'the monthly budget is used up to 50 %: $2.5 and 7 tokens since 2026-11-01' },
    ]);
  });

  test('says what is owed from windows before', () => {
    const [alert] = budgetAlerts(undefined, after(heard({ ...day(0, 85), debtMicroUsd: 8_500_000, debtTokens: 0 })));
    expect(alert?.note.message).toBe(`${daily(80)}: $0 and 0 tokens since 2026-11-26, and a debt of $8.5 and 0 tokens from before`);
  });

  test('is the same whatever was used beyond the threshold, and another in the next window or for the next threshold', () => {
    const occasions = (...all: Said[]) =>
      all.map((figures) =>
        budgetAlerts(undefined, after(figures))
          .map(({ occasion }) => occasion)
          .join(),
      );
    const [first, second, nextDay, nextThreshold] = occasions(
      heard(day(81, 81)),
      heard(day(99, 99)),
      heard(day(81, 81, '2026-11-27')),
      heard(day(100, 100)),
    );
    expect(second).toBe(first);
    expect(new Set([first, nextDay, nextThreshold]).size).toBe(3);
  });

  test('is told by nobody who knows no more than the status', () => {
    const shown = after(heard(day(85, 85)));
    expect(budgetAlerts(shown, usageShown(shown, undefined, thresholds))).toEqual([]);
  });
});
