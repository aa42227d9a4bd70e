/** What the soak makes of what it has seen. */
import { describe, expect, test } from 'vitest';
import { slopePerHour } from '../soak/report.ts';
import { mostWithinAMinute } from '../soak/windows.ts';

const second = 1_000;
const calls = (...starts: readonly number[]) => starts.map((at) => ({ started: at * second, ended: (at + 1) * second }));

describe('calls within a minute', () => {
  test('are those that begin and end in it, of the fullest', () => {
    expect(mostWithinAMinute(calls(0, 50, 70, 75, 80, 109), [])).toBe(5);
    expect(mostWithinAMinute([{ started: 0, ended: 61 * second }], [])).toBe(0);
  });

  test('do not count while replicas count alone, nor for a minute afterwards', () => {
    const away = { started: 60 * second, ended: 70 * second };
    expect(mostWithinAMinute(calls(61, 62, 63), [away])).toBe(0);
    expect(mostWithinAMinute(calls(61, 62, 63, 131, 132), [away])).toBe(2);
  });
});

test('growth is what remains of it once caches are full', () => {
  const minute = 60 * second;
  const samples = [0, 50, 100, 101, 102, 103, 104, 105].map((rss, index) => ({ at: index * minute, rss, handles: 0 }));
  expect(slopePerHour(samples, ({ rss }) => rss)).toBeCloseTo(60);
  expect(slopePerHour(samples.slice(0, 3), ({ rss }) => rss)).toBeUndefined();
});
