import { expect, test } from 'vitest';
import { BehindTracker, standingOf, type Standing, type Watched } from './behind.ts';

const object = (generation: number, observedGeneration?: number, extra: object = {}): Standing =>
  standingOf(watched(generation, observedGeneration, extra));
const watched = (generation: number, observedGeneration: number | undefined, extra: object): Watched => ({
  metadata: { name: 'acme', uid: 'u1', generation, ...extra },
  spec: {},
  ...(observedGeneration === undefined ? {} : { status: { observedGeneration } }),
});

test.each([
  ['one whose status is about its spec', object(2, 2), false],
  ['one whose spec is newer', object(3, 2), true],
  ['one that has no status yet', object(1), true],
  ['one that is being deleted', object(3, 2, { deletionTimestamp: '2026-01-01T00:00:00Z' }), false],
])('%s: behind %2$s', (_, one, expected) => {
  expect(new BehindTracker().look([one], 0)).toHaveLength(expected ? 1 : 0);
});

test('the time goes on through further edits, and begins anew after it had caught up', () => {
  const tracker = new BehindTracker();
  tracker.look([object(2, 1)], 1_000);
  expect(tracker.look([object(3, 1)], 5_000)[0]?.forMs).toBe(4_000);
  tracker.look([object(3, 3)], 6_000);
  expect(tracker.look([object(4, 3)], 9_000)[0]?.forMs).toBe(0);
});

test('one that could not be told of is due again when it has been behind for twice as long, and at once if it falls behind anew', () => {
  const tracker = new BehindTracker();
  const due = (one: Standing, nowMs: number) => tracker.look([one], nowMs).filter((found) => tracker.isDue(found, 60_000));
  expect([due(object(2, 1), 0).length, due(object(2, 1), 59_000).length]).toEqual([0, 0]);
  const [found] = due(object(2, 1), 70_000);
  if (found) tracker.postpone(found);
  expect([due(object(2, 1), 139_000).length, due(object(2, 1), 140_000).length]).toEqual([0, 1]);
  tracker.look([object(2, 2)], 150_000);
  expect([due(object(3, 2), 160_000).length, due(object(3, 2), 220_000).length]).toEqual([0, 1]);
});
