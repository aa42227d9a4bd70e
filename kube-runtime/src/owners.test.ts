import { describe, expect, test } from 'vitest';
import { controllerOf, isControlledBy, ownerReference } from './owners.ts';

const tenant = { apiVersion: 'example.dev/v1', kind: 'Tenant', metadata: { name: 'acme', uid: 'u1' } };
const child = { kind: 'ConfigMap', name: 'c', namespace: 'n' };

describe('an owner reference', () => {
  test('from a cluster-scoped owner reaches into any namespace', () => {
    expect(ownerReference(tenant, child)).toEqual({
      apiVersion: 'example.dev/v1',
      kind: 'Tenant',
      name: 'acme',
      uid: 'u1',
      controller: true,
      blockOwnerDeletion: true,
    });
  });

  test('across namespaces is refused, since Kubernetes would delete the child', () => {
    const owner = { ...tenant, metadata: { ...tenant.metadata, namespace: 'other' } };
    expect(() => ownerReference(owner, child)).toThrow('owners are cluster-scoped or in the same namespace');
  });

  test('needs an owner that came from the server', () => {
    expect(() => ownerReference({ ...tenant, metadata: { name: 'acme' } }, child)).toThrow('has no metadata.uid');
  });
});

test('an owner re-created under the same name is not the owner', () => {
  const owned = { metadata: { name: 'c', ownerReferences: [ownerReference(tenant, child)] } };
  expect(controllerOf(owned)?.name).toBe('acme');
  expect(isControlledBy(owned, tenant)).toBe(true);
  expect(isControlledBy(owned, { ...tenant, metadata: { name: 'acme', uid: 'u2' } })).toBe(false);
});
