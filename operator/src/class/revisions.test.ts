import { expect, test } from 'vitest';
import type { ControllerRevision } from '../kinds.ts';
import { numberOf, outdatedRevisions, readRevisions } from './revisions.ts';

const kept = (name: string, revision: number, data: Record<string, unknown> = {}): ControllerRevision => ({
  metadata: { name },
  revision,
  data,
});
const eight = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => kept(`gold-${number}`, number));

test.each([
  ['is the first number for the first', 'gold-1', [], 1],
  ['is one above the highest for a new one', 'gold-9', eight, 9],
  ['stays for the one that has the highest', 'gold-8', eight, 8],
  ['rises when the class goes back to an old one', 'gold-2', eight, 9],
])('the number of the wanted revision %s', (_, wanted, revisions, expected) => {
  expect(numberOf(wanted, revisions)).toBe(expected);
});

test('the latest few are kept, and all that somebody needs', () => {
  const outdated = outdatedRevisions(eight, (name) => name === 'gold-1' || name === 'gold-8').map(({ metadata }) => metadata.name);
  expect(outdated).toEqual(['gold-2']);
});

test('a revision whose content cannot be read counts as not kept', () => {
  const read = readRevisions([kept('gold-1', 1, { nodeSelector: { pool: 'a' } }), kept('gold-2', 2, { nodeSelector: 'a' })]);
  expect([...read.keys()]).toEqual(['gold-1']);
  expect(read.get('gold-1')?.nodeSelector).toEqual({ pool: 'a' });
});
