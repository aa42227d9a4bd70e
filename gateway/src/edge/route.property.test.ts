/** Targets and hosts of every make: a route stays within what its tenant's credential allows, or there is none. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PolicyDirectory } from '../directory/directory.ts';
import { policyOf } from '../policy.fixture.ts';
import { routeOf } from './route.ts';

const policies = new PolicyDirectory();
const acme = policyOf('acme', { hosts: ['acme.example', 'acme.other.example'] });
policies.put('tenant-acme', acme);
policies.put('tenant-bravo', policyOf('bravo', { hosts: ['bravo.example'] }));
const shared = new Set(['chat.example']);

const segment = fc.oneof(
  fc.constantFrom(
    'v1',
    'api',
    'tenants',
    'acme',
    'bravo',
    'models',
    'chat',
    'completions',
    'agents',
    'support',
    'keys',
    'settings',
    'usage',
    '.',
    '..',
    '',
    '%2e%2e',
    '%2f',
    '\\',
    ';',
    'v1 ',
    'V1',
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 8 }),
);
const query = fc.oneof(
  fc.constantFrom('', '?', '?agent=support', '?agent=support&agent=other', '?agent=', '?agent=..%2f&x=1', '??agent=a', '&agent=a'),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((text) => `?${text}`),
);
const target = fc.oneof(
  fc
    .tuple(fc.constantFrom('', '/v1', '/api/v1/tenants/acme', '/agents/support/v1'), fc.array(segment, { maxLength: 4 }), query)
    .map(([start, parts, rest]) => `${start}/${parts.join('/')}${rest}`),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    `/v1/${'a/'.repeat(4_000)}`,
    `/${'/'.repeat(8_000)}`,
    `/agents/${'a'.repeat(8_000)}`,
    `/v1/a?${'agent=a&'.repeat(1_000)}`,
  ),
);
const port = fc.constantFrom('', ':443', ':0', ':', ':99999999', ':443:443', ':x');
const host = fc.oneof(
  fc.constantFrom('acme.example', 'chat.example'),
  fc
    .tuple(
      fc.constantFrom(
        'acme.example',
        'ACME.example',
        'acme.example.',
        'bravo.example',
        'Bravo.Example.',
        'chat.example',
        'chat.example.',
        '*',
        '',
        'acme.example,bravo.example',
        'bravo.example@acme.example',
        'acme.example#.bravo.example',
        '[::1]',
      ),
      port,
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(undefined, 'a'.repeat(16_000), ':1'.repeat(8_000), `acme.example${'.'.repeat(8_000)}`),
);

test('whatever the host and the target are, a route is the tenant’s own', () => {
  fc.assert(
    fc.property(fc.constantFrom('GET', 'POST', 'DELETE', 'BREW'), target, host, (method, given, named) => {
      const route = routeOf({ method, target: given, host: named }, acme, { policies, shared });
      if (!route) return;
      const name = (named ?? '').toLowerCase().split(':')[0]?.replace(/\.$/, '');
      expect(['acme.example', 'acme.other.example', 'chat.example']).toContain(name);
      const { pathname } = new URL(`http://agent${route.target}`);
      expect(route.target.split('?')[0], 'the agent’s server reads the same path').toBe(pathname);
      expect(pathname).toMatch(/^\/(v1|api\/v1\/tenants\/acme)\/./);
      expect((route.target.split('?', 2)[1] ?? '').split('&').filter((part) => part.startsWith('agent='))).toEqual([]);
    }),
    { numRuns: 5_000 },
  );
});
