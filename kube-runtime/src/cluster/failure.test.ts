import { expect, test } from 'vitest';
import { refusal } from './failure.ts';

const waitFor = (headers: Record<string, string>, body = '') => refusal({ path: '/api' }, 503, body, headers).retryAfterMs;
const date = 'Sun, 06 Nov 1994 08:49:30 GMT';
const body = JSON.stringify({ kind: 'Status', details: { retryAfterSeconds: 2 } });

test.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': '3' }, 3_000],
  ['a date, by the clock of the server', { date, 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 7_000],
  ['a date as RFC 850 had it', { date, 'retry-after': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 7_000],
  ['a date that is over', { date, 'retry-after': 'Sun, 06 Nov 1994 08:49:29 GMT' }, undefined],
  ['a date far away, at most five minutes', { date, 'retry-after': 'Sun, 13 Nov 1994 08:49:30 GMT' }, 300_000],
  ['very many seconds, at most five minutes', { 'retry-after': '1e9' }, 300_000],
  ['less than nothing', { 'retry-after': '-3' }, undefined],
  ['what is neither', { 'retry-after': 'soon' }, undefined],
])('Retry-After may hold %s', (_, headers, expected) => {
  expect(waitFor(headers)).toBe(expected);
});

test('a date without the time of the server counts by our own clock', () => {
  const wait = waitFor({ 'retry-after': new Date(Date.now() + 10_000).toUTCString() });
  expect(wait).toBeGreaterThan(8_000);
  expect(wait).toBeLessThanOrEqual(10_000);
});

test('where the header says nothing, the answer is asked', () => {
  expect([waitFor({}, body), waitFor({ 'retry-after': 'soon' }, body), waitFor({ 'retry-after': '3' }, body)]).toEqual([
    2_000, 2_000, 3_000,
  ]);
});
