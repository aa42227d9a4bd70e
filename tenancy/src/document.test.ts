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
