import { expect, test } from 'vitest';
import { isGone } from './is-gone.ts';

const at = { name: 'key-acme-1', namespace: 'cloister-keys' };
const head = { ...at, uid: 'uid-object', resourceVersion: '1', creationTimestamp: undefined };
const [known, unknown] = [{ head: () => head }, { head: () => undefined }];
const [own, other] = [{ uid: 'uid-acme' }, { uid: 'uid-before' }];

test.each([
  ['what was read, and is of the tenant, is not', known, own, undefined, false],
  ['what a watch has told of and cannot be read is not', known, undefined, undefined, false],
  ['what a watch has not told of and is there is not', unknown, undefined, own, false],
  ['what a watch has not told of and cannot be read is not', unknown, undefined, 'unreadable' as const, false],
  ['what a watch has told of an earlier tenant is not, where it is of this one by now', known, other, own, false],
  ['what is there of another tenant of the name is', known, other, other, true],
  ['what is not there is', unknown, undefined, undefined, true],
])('%s gone', async (_, followed, read, there, gone) => {
  expect(await isGone({ at, tenantUid: 'uid-acme' }, { followed, now: () => Promise.resolve(there) }, read)).toBe(gone);
});

test('nothing is claimed while the API server cannot say', async () => {
  const now = () => Promise.reject(new Error('connection refused'));
  await expect(isGone({ at, tenantUid: 'uid-acme' }, { followed: unknown, now }, undefined)).rejects.toThrow('connection refused');
});
