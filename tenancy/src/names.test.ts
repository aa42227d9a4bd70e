import { expect, test } from 'vitest';
import { tenantPolicy } from './tenant-policy.ts';
import { agentHostsOf, agentURL, dataNameOf, maxAgentNameLength, maxTenantNameLength, namespaceOf } from './names.ts';

test('the longest tenant name still makes a valid namespace and Postgres identifier', () => {
  const longest = 'a'.repeat(maxTenantNameLength);
  expect(namespaceOf(longest).length).toBeLessThanOrEqual(63);
  expect(dataNameOf(longest).length).toBeLessThanOrEqual(63);
});

test('the longest agent name leaves room for the hashes in the names of its ConfigMap and pods', () => {
  expect(maxAgentNameLength + '-0123456789-abcde'.length).toBeLessThanOrEqual(63);
  expect(maxAgentNameLength + '-0123456789'.length).toBeLessThanOrEqual(63);
});

test('tenants with different names never share a role, schema or Redis user', () => {
  expect(dataNameOf('a-b')).toBe('t_a_b');
  expect(new Set(['a-b', 'ab', 'a-b-c', 'abc'].map(dataNameOf)).size).toBe(4);
});

test('an agent is called over TLS, by a name that its tenant’s certificate stands for', () => {
  const { url } = tenantPolicy.shape.agents.element.parse({ name: 'support', url: agentURL('acme', 'support') });
  expect(new URL(url).hostname).toBe(agentHostsOf('acme').replace('*', 'support'));
  expect(tenantPolicy.shape.agents.safeParse([{ name: 'support', url: 'http://support.tenant-acme.svc' }]).success).toBe(false);
});

test('a certificate has room for the longest name of a tenant', () => {
  expect(agentHostsOf('a'.repeat(maxTenantNameLength)).length).toBeLessThanOrEqual(64); // RFC 5280, ub-common-name
});
