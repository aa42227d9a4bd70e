import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RolloutPace } from './rollout-pace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const pace = () => new RolloutPace({ burst: 3, perSecond: 2 });
const waits = (of: RolloutPace, ...agents: string[]) => agents.map((agent) => of.wait('acme', agent));

test('as many as the burst begin at once, the others at the pace, each in its turn', () => {
  expect(waits(pace(), 'a', 'b', 'c', 'd', 'e')).toEqual([0, 0, 0, 500, 1000]);
});

test('who waits keeps its place, however often it is edited', () => {
  const all = pace();
  waits(all, 'a', 'b', 'c', 'd', 'e');
  expect(waits(all, 'e', 'd', 'd')).toEqual([1000, 500, 500]);
  vi.advanceTimersByTime(500);
  expect(waits(all, 'd', 'e')).toEqual([0, 500]);
});

test('over a long time it is the pace, whoever asks and how often', () => {
  const all = pace();
  let begun = 0;
  for (let ms = 0; ms < 60_000; ms += 50) {
    if (all.wait('acme', `agent-${(ms / 50) % 40}`) === 0) begun++;
    vi.advanceTimersByTime(50);
  }
  expect(begun).toBeGreaterThan(110);
  expect(begun).toBeLessThanOrEqual(3 + 120);
});

test('credit comes back, and no more than the burst', () => {
  const all = pace();
  waits(all, 'a', 'b', 'c');
  vi.advanceTimersByTime(3_600_000);
  expect(waits(all, 'a', 'b', 'c', 'd')).toEqual([0, 0, 0, 500]);
});

test('a turn that nobody took is not given to a later edit', () => {
  const all = pace();
  waits(all, 'a', 'b', 'c', 'gone');
  vi.advanceTimersByTime(3_600_000);
  expect(waits(all, 'a', 'b', 'c', 'gone')).toEqual([0, 0, 0, 500]);
});

test('another tenant does not wait', () => {
  const all = pace();
  waits(all, 'a', 'b', 'c', 'd');
  expect(all.wait('bravo', 'a')).toBe(0);
});

test('who asks how long it still waits changes nothing, be it in line or not', () => {
  const all = pace();
  waits(all, 'a', 'b', 'c', 'd');
  expect([all.left('acme', 'd'), all.left('acme', 'a'), all.left('acme', 'z'), all.left('bravo', 'd')]).toEqual([500, 0, 0, 0]);
  expect(waits(all, 'e')).toEqual([1000]);
  vi.advanceTimersByTime(500);
  expect(all.left('acme', 'd')).toBe(0);
  expect(waits(all, 'd')).toEqual([0]);
});
