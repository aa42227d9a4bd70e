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
