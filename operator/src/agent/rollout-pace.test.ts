import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RolloutPace } from './rollout-pace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const pace = () => new RolloutPace({ burst: 3, perSecond: 2 });
let edits = 0;
/** Each of them to a new revision. */
const waits = (of: RolloutPace, ...agents: string[]) => agents.map((agent) => of.wait('acme', agent, `revision ${++edits}`));

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
    if (all.wait('acme', `agent-${(ms / 50) % 40}`, `revision ${ms}`) === 0) begun++;
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
  expect(all.wait('bravo', 'a', 'revision 1')).toBe(0);
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

describe('a rollout that has had its turn and could not begin', () => {
  test('takes no other turn, however often it is tried', () => {
    const all = pace();
    const tries = Array.from({ length: 20 }, () => all.wait('acme', 'refused', 'revision 1'));
    expect(tries).toEqual(tries.map(() => 0));
    expect(waits(all, 'b', 'c', 'd')).toEqual([0, 0, 500]);
  });

  test('has it still where it had to wait for it', () => {
    const all = pace();
    waits(all, 'a', 'b', 'c');
    expect(all.wait('acme', 'refused', 'revision 1')).toBe(500);
    vi.advanceTimersByTime(500);
    expect(waits(all, 'd')).toEqual([500]);
    for (let tries = 0; tries < 5; tries++) expect(all.wait('acme', 'refused', 'revision 1')).toBe(0);
    expect(waits(all, 'e')).toEqual([1000]);
  });

  test('waits for another turn once it has begun, or is another one by then', () => {
    const all = pace();
    expect(all.wait('acme', 'a', 'revision 1')).toBe(0);
    all.begun('acme', 'a');
    expect([all.wait('acme', 'a', 'revision 1'), all.wait('acme', 'a', 'revision 2')]).toEqual([0, 0]);
    expect(all.wait('acme', 'a', 'revision 1')).toBe(500);
  });

  test('and is what is wanted again before the other one has had its turn, need not wait for that', () => {
    const all = pace();
    expect(all.wait('acme', 'refused', 'revision 1')).toBe(0);
    expect(waits(all, 'b', 'c', 'refused')).toEqual([0, 0, 500]);
    expect([all.wait('acme', 'refused', 'revision 1'), all.left('acme', 'refused')]).toEqual([0, 0]);
  });
});
