import { describe, expect, test } from 'vitest';
import { isDue } from './due.ts';

const now = new Date('2026-06-30T00:00:00Z');
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const due = { maxAgeDays: 30, holder: 'uid-1', request: undefined };

test.each([
  ['a new one', { madeAt: daysAgo(0), request: undefined }, due, false],
  ['one that is old', { madeAt: daysAgo(30), request: undefined }, due, true],
  ['one that is old where rotation by age is off', { madeAt: daysAgo(3000), request: undefined }, { ...due, maxAgeDays: 0 }, false],
  ['one for which somebody asked', { madeAt: daysAgo(0), request: undefined }, { ...due, request: 'now' }, true],
  ['one for which somebody asked again', { madeAt: daysAgo(0), request: 'monday' }, { ...due, request: 'tuesday' }, true],
  ['one that was made for that request', { madeAt: daysAgo(0), request: 'now' }, { ...due, request: 'now' }, false],
  ['one whose request was taken back', { madeAt: daysAgo(0), request: 'now' }, due, false],
])('%s: due %4$s', (_, made, when, expected) => {
  expect(isDue(made, when, now)).toBe(expected);
});

describe('a thousand credentials of one day', () => {
  const lives = Array.from({ length: 1000 }, (_, index) => {
    const holder = `uid-${index}`;
    for (let days = 0; days <= 30; days += 0.25)
      if (isDue({ madeAt: daysAgo(days), request: undefined }, { ...due, holder }, now)) return days;
    return Infinity;
  });

  test('are all replaced before their time is over, none in the first three quarters of it', () => {
    expect(Math.max(...lives)).toBeLessThanOrEqual(30);
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(22.5);
  });

  test('are not replaced at one time', () => {
    const within = (from: number, to: number) => lives.filter((life) => life > from && life <= to).length;
    for (let from = 22.5; from < 30; from += 1.5) expect(within(from, from + 1.5)).toBeLessThan(300);
  });
});
