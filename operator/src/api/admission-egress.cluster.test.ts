/** Which domains and ports for tools `kubectl apply` accepts and refuses, asked of a real API server. */
import type { Cluster } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTestCluster, installResources } from '../testing/cluster.fixture.ts';
import { dryRunOn } from './dry-run.fixture.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await connectTestCluster();
  await installResources(cluster);
});
afterAll(() => cluster.close());

const tenantWith = (egress: object) => dryRunOn(cluster, 'Tenant', 'acme', { network: { egress } });
const classWith = (of: 'defaults' | 'ceilings', egress: object) => dryRunOn(cluster, 'TenantClass', 'c', { [of]: { network: { egress } } });

test('domains by name, below one, and in other letters, on ports of their own', async () => {
  const domains = ['api.example.com', '*.example.com', 'xn--bcher-kva.example', 'a.xn--p1ai'];
  expect(await tenantWith({ domains, ports: [443, 8443] })).toMatchObject({ spec: { network: { egress: { domains } } } });
});

test('no domain at all', async () => {
  expect(await classWith('ceilings', { domains: [] })).toMatchObject({ metadata: { name: 'c' } });
});

test.each([
  '10.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.0.0.0x1',
  '[::1]',
  '::1',
  'localhost',
  '*',
  '*.',
  '*.com',
  '*example.com',
  'api*.example.com',
  'api.*.example.com',
  '*.*.example.com',
  'Example.com',
  'bücher.example',
  'example.com.',
  'example.com:443',
  'https://example.com',
  'example.com/path',
  '-a.example',
  'a_b.example',
  'example.com\nevil.example',
  '',
])('%j is refused with the field, the value and the remedy', async (domain) => {
  const message = await tenantWith({ domains: ['ok.example', domain] });
  expect(message).toContain(`spec.network.egress.domains[1]: Invalid value: ${JSON.stringify(domain)}: expected a domain`);
  expect(message).toMatch(/api\.example\.com, or \*\.example\.com/);
});

test.each(['defaults', 'ceilings'] as const)('an address is refused among the %s of a class, too', async (of) => {
  const message = await classWith(of, { domains: ['192.168.0.1'] });
  expect(message).toContain(`spec.${of}.network.egress.domains[0]: Invalid value: "192.168.0.1": expected a domain`);
});

test.each<[string, object, RegExp]>([
  ['a domain twice', { domains: ['a.example', 'a.example'] }, /domains\[1\]: Duplicate value: "a\.example"/],
  ['a name that is too long', { domains: [`${'a.'.repeat(126)}example`] }, /domains\[0\].*253/],
  ['more domains than anybody reads', { domains: Array.from({ length: 65 }, (_, n) => `a${n}.example`) }, /domains.*at most 64/],
  ['port 0', { ports: [0] }, /spec\.network\.egress\.ports\[0\]: Invalid value: 0.*greater than or equal to 1/],
  ['a port beyond all', { ports: [65536] }, /ports\[0\]: Invalid value: 65536.*less than or equal to 65535/],
  ['a range of ports', { ports: ['1-65535'] }, /ports\[0\].*must be of type integer/],
  ['a list of addresses', { cidrs: ['10.0.0.0/8'] }, /unknown field "spec\.network\.egress\.cidrs"/],
])('%s is refused', async (_, egress, message) => {
  expect(await tenantWith(egress)).toMatch(message);
});
