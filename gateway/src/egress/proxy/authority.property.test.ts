import fc from 'fast-check';
import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { parseAuthority } from './authority.ts';

const label = fc.oneof(
  fc.constantFrom('api', 'EXAMPLE', 'com', '0x7f', '127', '1', 'xn--p1ai', '-', 'a-', '_', '', '*', 'bücher', '%00', '１', '。'),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const authority = fc.oneof(
  fc
    .tuple(
      fc.array(label, { maxLength: 5 }),
      fc.constantFrom('', '.', '..'),
      fc.oneof(
        fc.constantFrom('', ':', ':443', ':0443', ':65536', ':1e3', ': 443'),
        fc.nat({ max: 70_000 }).map((port) => `:${port}`),
      ),
    )
    .map(([labels, dot, port]) => `${labels.join('.')}${dot}${port}`),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.ipV4Extended().map((ip) => `${ip}:443`),
  fc.ipV6().map((ip) => `[${ip}]:443`),
  fc.domain().map((domain) => `${domain}:443`),
);

test('what is taken for a domain and a port is one to every other reader as well, and the same', () => {
  fc.assert(
    fc.property(authority, (text) => {
      const found = parseAuthority(text);
      if (!found) return;
      const url = new URL(`wss://${text}`);
      expect(found.host).toBe(url.hostname.replace(/\.$/, ''));
      expect(found.port).toBe(Number(url.port || 443));
      expect([isIP(found.host), url.username, url.pathname]).toEqual([0, '', '/']);
    }),
    { numRuns: 5_000 },
  );
});
