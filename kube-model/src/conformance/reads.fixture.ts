/** Lists and reads at versions and in pages that a server refuses, or has to wait for. */
import type { ApiRequest } from 'kube-runtime';

/** What a server has shown: the version of a list, and the token of its next page. */
export interface Shown {
  readonly version: string;
  readonly token: string;
}

type Query = NonNullable<ApiRequest['query']>;

const future = ({ version }: Shown): string => String(Number(version) + 1e9);

export const listQueries: readonly (readonly [string, (shown: Shown) => Query])[] = [
  ['a match without a version', () => ({ resourceVersionMatch: 'Exact' })],
  ['exactly any version', () => ({ resourceVersion: '0', resourceVersionMatch: 'Exact' })],
  ['any version', () => ({ resourceVersion: '0' })],
  ['any version, by match', () => ({ resourceVersion: '0', resourceVersionMatch: 'NotOlderThan' })],
  ['an unknown match', ({ version }) => ({ resourceVersion: version, resourceVersionMatch: 'Newest' })],
  ['a match in the next page', ({ version, token }) => ({ resourceVersion: version, resourceVersionMatch: 'Exact', continue: token })],
  ['a version in the next page', ({ version, token }) => ({ resourceVersion: version, continue: token, limit: 1 })],
  ['any version in the next page', ({ token }) => ({ resourceVersion: '0', continue: token, limit: 1 })],
  ['a token that is none', () => ({ continue: 'none', limit: 1 })],
  ['a version that is none', () => ({ resourceVersion: 'none' })],
  ['no older than a version to come', (shown) => ({ resourceVersion: future(shown), resourceVersionMatch: 'NotOlderThan' })],
  ['exactly a version to come', (shown) => ({ resourceVersion: future(shown), resourceVersionMatch: 'Exact' })],
  ['a version to come', (shown) => ({ resourceVersion: future(shown) })],
];

export const getQueries: readonly (readonly [string, (shown: Shown) => Query])[] = [
  ['any version', () => ({ resourceVersion: '0' })],
  ['a version', ({ version }) => ({ resourceVersion: version })],
  ['a version that is none', () => ({ resourceVersion: 'none' })],
  ['a version to come', (shown) => ({ resourceVersion: future(shown) })],
];
