import { describe, expect, test } from 'vitest';
import { eldersOf, hostOf, issuersOf, takenIssuers } from './claims.ts';
import { tenantNamed } from './snapshot.fixture.ts';

const entry = { issuer: 'https://id.example', audience: 'agents' };
const born = (name: string, year: number, oidc: readonly object[] = []) => {
  const tenant = tenantNamed(name, { access: { oidc } });
  return { ...tenant, metadata: { ...tenant.metadata, creationTimestamp: `${year}-01-01T00:00:00Z` } };
};

test('a tenant is reached at its own host, else under the base domain', () => {
  expect(hostOf(tenantNamed('acme'), 'agents.example')).toBe('acme.agents.example');
  expect(hostOf(tenantNamed('acme', { network: { host: 'acme.com' } }), 'agents.example')).toBe('acme.com');
});

test('who was first keeps it; of two born in the same second always the same one', () => {
  const [first, second, twin] = [born('a', 2025), born('b', 2026), born('c', 2026)];
  expect(eldersOf(second, [first, second, twin]).map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(eldersOf(twin, [first, second, twin]).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
});

describe('an OIDC issuer and audience', () => {
  const claimed = { ...entry, tenantClaim: 'tenant' };
  test.each<[string, object, object, boolean]>([
    ['may be shared when both tell their users apart by a claim', claimed, claimed, false],
    ['is taken when the elder takes in all of its users', entry, claimed, true],
    ['is taken when the younger would take in all of its users', claimed, entry, true],
    ['is free for another audience', entry, { ...entry, audience: 'other' }, false],
  ])('%s', (_, elder, younger, taken) => {
    const [one, two] = [born('elder', 2025, [elder]), born('younger', 2026, [younger])];
    const sharing = (key: string) => [one, two].filter((tenant) => issuersOf(tenant).includes(key));
    expect([...takenIssuers(two, sharing)]).toEqual(taken ? [[0, 'elder']] : []);
    expect([...takenIssuers(one, sharing)]).toEqual([]);
  });
});
