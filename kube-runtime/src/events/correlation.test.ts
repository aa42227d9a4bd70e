import { describe, expect, test } from 'vitest';
import { Correlation } from './correlation.ts';

const about = { metadata: { name: 'a', uid: 'u' } };
const note = (message: string) => ({ type: 'Normal', reason: 'Greeted', message }) as const;

describe('of many events', () => {
  test('an object may cause 25 at once, and then one in five minutes', () => {
    const correlation = new Correlation();
    const allowed = (count: number, now: number) =>
      Array.from({ length: count }, () => correlation.allows(about, now)).filter(Boolean).length;
    expect(allowed(100, 0)).toBe(25);
    expect(allowed(10, 299_000)).toBe(0);
    expect(allowed(10, 601_000)).toBe(2);
    expect(correlation.allows({ metadata: { name: 'b', uid: 'other' } }, 0)).toBe(true);
  });

  test('more than ten alike within ten minutes are told as one', () => {
    const correlation = new Correlation();
    const messages = Array.from({ length: 12 }, (_, i) => correlation.fold(about, note(`attempt ${i}`), 0).message);
    expect(messages.slice(9)).toEqual([
      'attempt 9',
      'More of the same kind, the latest: attempt 10',
      'More of the same kind, the latest: attempt 11',
    ]);
    expect(correlation.fold(about, note('later'), 600_000).message).toBe('later');
  });

  test('the same words again are not a crowd', () => {
    const correlation = new Correlation();
    for (let i = 0; i < 50; i++) expect(correlation.fold(about, note('same'), 0).message).toBe('same');
  });
});
