import { describe, expect, test } from 'vitest';
import { selects } from './label-selector.ts';

describe('a selector of labels', () => {
  test.each<[string, Readonly<Record<string, string>>, boolean]>([
    ['a', { a: '' }, true],
    ['a', { b: '1' }, false],
    ['!a', { b: '1' }, true],
    ['!a', { a: '1' }, false],
    ['a=1', { a: '1' }, true],
    ['a == 1', { a: '1' }, true],
    ['a=1', { a: '2' }, false],
    ['a=', { a: '' }, true],
    ['a!=1', {}, true],
    ['a!=1', { a: '1' }, false],
    ['x.example/a,b=2', { 'x.example/a': '1', b: '2' }, true],
    ['x.example/a,b=2', { 'x.example/a': '1', b: '3' }, false],
  ])('%s, %o: %s', (selector, labels, expected) => expect(selects(selector, labels)).toBe(expected));

  test.each(['a in (1,2)', 'a notin (1)', 'a in (1,b,c)', 'a=1,b in (1)', '!a=1', ''])('%s is left to the server', (selector) =>
    expect(selects(selector, { a: '1' })).toBeUndefined(),
  );

  test('what one requirement refuses is refused, whatever the others say', () => expect(selects('a in (1),b', { a: '1' })).toBe(false));
});
