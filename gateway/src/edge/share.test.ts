import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chanceOf, inTurn } from './share.ts';

const sessions = Array.from({ length: 20_000 }, (_, at) => `session ${at}`);
const turnsOf = (sharers: Parameters<typeof inTurn>[0], split = 'support') =>
  sessions.map((session) => inTurn(sharers, chanceOf(session, split)).map(({ name }) => name));
const weighted = (weights: Readonly<Record<string, number>>) => Object.entries(weights).map(([name, weight]) => ({ name, weight }));
const part = (turns: readonly (readonly string[])[], name: string, place = 0) =>
  turns.filter((turn) => turn[place] === name).length / turns.length;

test.each([
  ['two that need not sum up to 100', { old: 9, next: 1 }],
  ['a hundredth', { old: 99, next: 1 }],
  ['three of the same weight', { a: 7, b: 7, c: 7 }],
  ['the largest beside the smallest', { old: 1_000_000, next: 1 }],
])('a share is weight by sum of the weights: %s', (_, weights) => {
  const turns = turnsOf(weighted(weights));
  const sum = Object.values(weights).reduce((total, weight) => total + weight);
  // Four standard deviations of so many sessions.
  for (const [name, weight] of Object.entries(weights)) {
    const share = weight / sum;
    expect(Math.abs(part(turns, name) - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / sessions.length) + 1e-9);
  }
});

test('those who would be asked of a sharer that is away are shared out by the weights of the others', () => {
  const withoutA = turnsOf(weighted({ a: 50, b: 30, c: 10 })).filter(([first]) => first === 'a');
  expect(part(withoutA, 'b', 1)).toBeCloseTo(0.75, 1);
});

test('nobody of weight 0 has a turn, and everybody else has one', () => {
  const sharers = fc.uniqueArray(fc.record({ name: fc.string(), weight: fc.integer({ min: 0, max: 1_000_000 }) }), {
    selector: ({ name }) => name,
    maxLength: 8,
  });
  fc.assert(
    fc.property(sharers, fc.string(), (all, session) => {
      const names = inTurn(all, chanceOf(session, 'support')).map(({ name }) => name);
      expect([...names].sort()).toEqual(all.flatMap(({ name, weight }) => (weight > 0 ? [name] : [])).sort());
    }),
  );
});

describe('a session', () => {
  test('has the same turn each time, in whatever order the sharers stand', () => {
    const sharers = weighted({ a: 1, b: 2, c: 3 });
    expect(turnsOf([...sharers].reverse())).toEqual(turnsOf(sharers));
  });

  test('moves to nobody but the one whose weight grows, and no more of them than that', () => {
    const [before, after] = [turnsOf(weighted({ a: 60, b: 40 })), turnsOf(weighted({ a: 60, b: 40, next: 25 }))];
    const moved = after.filter(([first], at) => first !== before[at]?.[0]);
    expect(new Set(moved.map(([first]) => first))).toEqual(new Set(['next']));
    expect(moved.length / sessions.length).toBeCloseTo(0.2, 1);
  });

  test('that is with one split’s next revision is not therefore with that of another', () => {
    const [one, other] = [turnsOf(weighted({ old: 1, next: 1 }), 'one'), turnsOf(weighted({ old: 1, next: 1 }), 'other')];
    expect(one.filter(([first], at) => first === other[at]?.[0]).length / sessions.length).toBeCloseTo(0.5, 1);
  });
});
