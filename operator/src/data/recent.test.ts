import { expect, test } from 'vitest';
import { nextLookMs, Recent } from './recent.ts';

test('what was in order a moment ago is not looked at again', () => {
  const recent = new Recent(300);
  recent.note('acme', 'a', 0);
  expect(recent.has('acme', 'a', 269_000)).toBe(true);
});

test.each([
  ['after its time', 'acme', 'a', 300_001],
  ['when something about it has changed', 'acme', 'b', 0],
  ['when it is another one', 'bravo', 'a', 0],
])('it is looked at again %s', (_, name, fingerprint, now) => {
  const recent = new Recent(300);
  recent.note('acme', 'a', 0);
  expect(recent.has(name, fingerprint, now)).toBe(false);
});

test('whenever the next look comes, what was in order counts no more, and the time is not exceeded', () => {
  for (let tenant = 0; tenant < 1000; tenant++) {
    const recent = new Recent(300);
    recent.note('acme', 'a', 0);
    const next = nextLookMs(300);
    expect(recent.has('acme', 'a', next)).toBe(false);
    expect(next).toBeLessThanOrEqual(300_000);
  }
});
