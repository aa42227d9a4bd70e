import { describe, expect, test } from 'vitest';
import { setCondition } from './conditions.ts';

const before = new Date('2026-01-01T00:00:00Z');
const later = new Date('2026-01-02T00:00:00Z');
const ready = { type: 'Ready', status: 'True', reason: 'Done', message: 'all is well', observedGeneration: 1 } as const;

describe('a condition', () => {
  test('keeps its time while its status stays, even when its words change', () => {
    const first = setCondition(undefined, ready, before);
    const second = setCondition(first, { ...ready, message: 'still well', observedGeneration: 2 }, later);
    expect(second).toEqual([{ ...ready, message: 'still well', observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  });

  test('gets a new time when its status changes', () => {
    const [condition] = setCondition(setCondition(undefined, ready, before), { ...ready, status: 'False' }, later);
    expect(condition?.lastTransitionTime).toBe('2026-01-02T00:00:00Z');
  });

  test('said again is equal, in the same place', () => {
    const all = setCondition(setCondition(undefined, ready, before), { ...ready, type: 'Stalled', status: 'False' }, before);
    expect(setCondition(all, ready, later)).toEqual(all);
  });
});
