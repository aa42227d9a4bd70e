import { describe, expect, test } from 'vitest';
import { policyOf } from '../policy.fixture.ts';
import { AccessDirectory, PolicyDirectory } from './directory.ts';

describe('a policy', () => {
  test('is found by tenant, namespace and host, whatever the case of the host', () => {
    const policies = new PolicyDirectory();
    const acme = policyOf('acme', { hosts: ['Acme.Example'] });
    policies.put('tenant-acme', acme);
    expect([policies.byTenant('acme'), policies.byNamespace('tenant-acme'), policies.byHost('acme.example')]).toEqual([acme, acme, acme]);
  });
  test('that changes is found under its new host and no longer under the old one', () => {
    const policies = new PolicyDirectory();
    policies.put('tenant-acme', policyOf('acme', { hosts: ['old.example'] }));
    policies.put('tenant-acme', policyOf('acme', { hosts: ['new.example'] }));
    expect(policies.byHost('old.example')).toBeUndefined();
    expect(policies.byHost('new.example')?.tenant).toBe('acme');
  });
  test('that is removed leaves nothing behind', () => {
    const policies = new PolicyDirectory();
    policies.put('tenant-acme', policyOf('acme', { hosts: ['acme.example'] }));
    policies.remove('tenant-acme');
    expect(policies.byTenant('acme') ?? policies.byNamespace('tenant-acme') ?? policies.byHost('acme.example')).toBeUndefined();
    expect(policies.size).toBe(0);
  });
});

test('a host that two tenants claim is nobody’s, until one of them lets go', () => {
  const policies = new PolicyDirectory();
  policies.put('tenant-acme', policyOf('acme', { hosts: ['chat.example'] }));
  policies.put('tenant-bravo', policyOf('bravo', { hosts: ['chat.example'] }));
  expect(policies.byHost('chat.example')).toBeUndefined();
  policies.remove('tenant-acme');
  expect(policies.byHost('chat.example')?.tenant).toBe('bravo');
});

test('one issuer and audience may serve many tenants, told apart by a claim', () => {
  const access = new AccessDirectory();
  const oidc = [{ issuer: 'https://idp.example', audience: 'chat', tenantClaim: 'org', scopes: ['chat' as const] }];
  access.put('tenant-acme', { tenant: 'acme', apiKeys: [], oidc });
  access.put('tenant-bravo', { tenant: 'bravo', apiKeys: [], oidc });
  expect(access.byClaim('https://idp.example', 'chat', 'org', 'bravo')?.tenant).toBe('bravo');
  expect(access.byClaim('https://idp.example', 'chat', 'org', 'charlie')).toBeUndefined();
  expect(access.byClaim('https://idp.example', 'other', 'org', 'bravo')).toBeUndefined();
  expect(access.byIssuer('https://idp.example', 'chat')).toBeUndefined();
});

test('a look-up costs the same with a thousand tenants as with one', () => {
  const policies = new PolicyDirectory();
  for (let tenant = 0; tenant < 1000; tenant++)
    policies.put(`tenant-t${tenant}`, policyOf(`t${tenant}`, { hosts: [`t${tenant}.example`] }));
  expect(policies.byHost('t999.example')?.tenant).toBe('t999');
  expect(policies.byNamespace('tenant-t0')?.tenant).toBe('t0');
});
