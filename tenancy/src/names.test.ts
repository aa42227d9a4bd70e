import { expect, test } from 'vitest';
import { dataNameOf, maxAgentNameLength, maxTenantNameLength, namespaceOf } from './names.ts';

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
