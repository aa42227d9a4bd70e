import { expect, test } from 'vitest';
import type { Pod } from '../kinds.ts';
import { straysAmong, straysAfterMs } from './strays.ts';

const now = new Date('2026-01-01T12:00:00Z');
const ago = (ms: number): string => new Date(now.getTime() - ms).toISOString();
const longAgo = ago(10 * straysAfterMs);
const pod = (creationTimestamp: string, rest: { deletionTimestamp?: string; phase?: string } = {}): Pod => {
  const { deletionTimestamp, phase = 'Running' } = rest;
  const metadata = { name: 'p', creationTimestamp, ...(deletionTimestamp !== undefined && { deletionTimestamp }) };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status: { phase } };
};

const [old, young] = [pod(longAgo), pod(ago(1_000))];

test.each<[string, readonly Pod[], { count: number; since: string | undefined }, number, boolean]>([
  ['as many pods as their Deployment counts are all in order', [old, old], { count: 2, since: longAgo }, 0, false],
  ['more than that are suspects', [old, old], { count: 1, since: longAgo }, 2, true],
  ['a pod that has just started may not be counted yet', [old, young], { count: 1, since: longAgo }, 0, true],
  ['where the Deployment is new, the former may not have ended yet', [old, old], { count: 1, since: ago(1_000) }, 0, true],
  ['nor where nobody knows since when they should end', [old], { count: 0, since: undefined }, 0, true],
  ['a pod that is ending is none', [old, pod(longAgo, { deletionTimestamp: ago(1) })], { count: 1, since: longAgo }, 0, false],
  ['nor is one that is over', [pod(longAgo, { phase: 'Failed' })], { count: 0, since: longAgo }, 0, false],
  ['without a Deployment every old pod is one', [old, young], { count: 0, since: longAgo }, 1, true],
])('%s', (_, pods, expected, suspects, again) => {
  const found = straysAmong(pods, expected, now);
  expect(found.suspects).toHaveLength(suspects);
  expect(found.lookAgainMs).toBe(again ? straysAfterMs : undefined);
});
