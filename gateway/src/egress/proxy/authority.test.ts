import { expect, test } from 'vitest';
import { parseAuthority } from './authority.ts';

test.each([
  ['api.example.com:443', 'api.example.com', 443],
  ['API.Example.COM:8443', 'api.example.com', 8443],
  ['api.example.com.:443', 'api.example.com', 443],
  ['xn--bcher-kva.example:443', 'xn--bcher-kva.example', 443],
  ['a.xn--p1ai:1', 'a.xn--p1ai', 1],
])('%s is a domain and a port', (text, host, port) => {
  expect(parseAuthority(text)).toEqual({ host, port });
});

test.each([
  '127.0.0.1:443',
  '127.1:443',
  '2130706433:443',
  '0x7f000001:443',
  '0x7f.0.0.0x1:443',
  '0177.0.0.01:443',
  '127.0.0.1.:443',
  '[::1]:443',
  '[::ffff:127.0.0.1]:443',
  '::1:443',
  'localhost:443',
  'localhost.:443',
  'api.example.com',
  'api.example.com:',
  'api.example.com:0',
  'api.example.com:0443',
  'api.example.com:65536',
  'api.example.com:443:443',
  'api.example.com..:443',
  '.example.com:443',
  'api..example.com:443',
  '*.example.com:443',
  '-api.example.com:443',
  'api-.example.com:443',
  'api_1.example.com:443',
  'user@api.example.com:443',
  'https://api.example.com:443',
  'api.example.com:443/',
  'bücher.example:443',
  'bÃ¼cher.example:443',
  'api\u3002example.com:443',
  'api.example.com\u0000.evil.example:443',
  ' api.example.com:443',
  'api.example.com:443\n',
  `${'a'.repeat(64)}.example:443`,
  `${'a.'.repeat(126)}example:443`,
  `${'a-'.repeat(8_000)}!:443`,
  `${'a.'.repeat(8_000)}1:443`,
  '',
])('%j is none', (text) => {
  expect(parseAuthority(text)).toBeUndefined();
});
