import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { canonicalJSON, parseDocument } from './document.ts';

test('a broken document is named, its content is not shown', () => {
  const read = () => parseDocument(z.object({ a: z.string() }), 'Secret x/y', 'hunter2 {');
  expect(read).toThrow('Secret x/y is not usable: it is no JSON');
  expect(read).not.toThrow(/hunter2/);
});

test('a wrong field is named', () => {
  expect(() => parseDocument(z.object({ a: z.object({ b: z.string() }) }), 'ConfigMap x/y', '{"a":{"b":1}}')).toThrow(/a\.b/);
});

test('equal documents are equal texts whatever the order of their keys', () => {
  expect(canonicalJSON({ b: 1, a: [{ d: 1, c: 2 }] })).toBe(canonicalJSON({ a: [{ c: 2, d: 1 }], b: 1 }));
});

test('they say what JSON says, key by key', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJSON(value))).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJSON(value)).toBe(askedAtEachValue(value));
    }),
  );
});

test('whatever their names', () => {
  expect(canonicalJSON(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
});

test('what is undefined is not said', () => {
  expect(canonicalJSON({ b: undefined, a: [undefined] })).toBe('{"a":[null]}');
});

/** The plain way to write it down: hashes of earlier versions must stay as they are, or all agents would be replaced. */
const askedAtEachValue = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
