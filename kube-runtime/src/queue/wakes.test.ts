import { expect, test } from 'vitest';
import { Wakes } from './wakes.ts';

const hour = 3_600_000;

test('however often wakes are added, replaced and removed, they take room for twice as many as there are', () => {
  const wakes = new Wakes();
  for (let run = 0; run < 100_000; run++) {
    const key = `key-${run % 10}`;
    wakes.add({ key, priority: 0, dueAt: run + 6 * hour });
    if (run % 3 === 0) wakes.remove(key);
    else wakes.add({ key, priority: 0, dueAt: run + hour });
    expect(wakes.size).toBeLessThanOrEqual(2 * 10);
  }
});

test('none is forgotten on the way, and the earliest comes first', () => {
  const wakes = new Wakes();
  const dueAt = (key: number) => 1_000 - key;
  for (let key = 0; key < 1_000; key++) {
    wakes.add({ key: `key-${key}`, priority: 0, dueAt: hour });
    wakes.add({ key: `key-${key}`, priority: 0, dueAt: dueAt(key) });
  }
  const taken = Array.from({ length: 1_001 }, () => wakes.takeDue(hour)?.dueAt);
  expect(taken).toEqual([...Array.from({ length: 1_000 }, (_, at) => at + 1), undefined]);
});
