import { expect, test } from 'vitest';
import { standsThere } from './stands-there.ts';

const at = { name: 'key-acme-1', namespace: 'cloister-keys' };
const head = { ...at, uid: 'uid-object', resourceVersion: '1', creationTimestamp: undefined };
const documents = (...names: readonly string[]) => ({
  head: ({ name }: { readonly name: string }) => (names.includes(name) ? head : undefined),
});

test.each([
  ['what was read, and is of the tenant', documents(at.name), { uid: 'uid-acme' }, true],
  ['what was read, and is of an earlier tenant of the name', documents(at.name), { uid: 'uid-before' }, false],
  ['what stands there and cannot be read', documents(at.name), undefined, true],
  ['what does not stand there', documents('another'), undefined, false],
])('%s', (_, known, read, there) => {
  expect(standsThere(known, { at, tenantUid: 'uid-acme' }, read)).toBe(there);
});
