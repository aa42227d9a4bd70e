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

  test('alike but for their words, those from the tenth on are told as one, until ten minutes pass without any', () => {
    const correlation = new Correlation();
    const folded = Array.from({ length: 12 }, (_, i) => correlation.fold(about, note(`attempt ${i}`), i * 599_000));
    expect(folded.map(({ note: { message } }) => message).slice(7)).toEqual([
      'attempt 7',
      'attempt 8',
      'More of the same kind, for example: attempt 9',
      'More of the same kind, for example: attempt 10',
      'More of the same kind, for example: attempt 11',
    ]);
    expect(new Set(folded.map(({ series }) => series)).size).toBe(10);
    expect(correlation.fold(about, note('later'), 12 * 599_000 + 2_000).note.message).toBe('later');
  });

  test('the same words again are not a crowd', () => {
    const correlation = new Correlation();
    for (let i = 0; i < 50; i++) expect(correlation.fold(about, note('same'), 0).note.message).toBe('same');
  });
});
