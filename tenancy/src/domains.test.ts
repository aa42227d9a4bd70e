import { expect, test } from 'vitest';
import { domainMatches, domainPattern } from './domains.ts';

test.each([
  ['api.example.com', 'api.example.com', true],
  ['api.example.com', 'x.api.example.com', false],
  ['*.example.com', 'api.example.com', true],
  ['*.example.com', 'a.b.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'evilexample.com', false],
  ['*.example.com', 'example.com.evil.net', false],
  ['*.example.com', '*.example.com', true],
  ['*.example.com', '*.api.example.com', true],
  ['api.example.com', '*.api.example.com', false],
  ['*.api.example.com', '*.example.com', false],
])('%s allows %s: %s', (pattern, domain, expected) => {
  expect(domainMatches(pattern, domain)).toBe(expected);
});

test.each([
  '*',
  'localhost',
  '*.',
  'a.*.com',
  '10.0.0.1',
  '[::1]',
  'Example.com',
  'example.com:443',
  'https://example.com',
  'example.com.',
  '-a.com',
])('%j is no domain', (text) => {
  expect(domainPattern.safeParse(text).success).toBe(false);
});
