import { describe, expect, test } from 'vitest';
import { keyOf, kind, parseKey, pathOf } from './kind.ts';

describe('a kind finds its path', () => {
  test.each([
    ['v1', 'ConfigMap', '/api/v1/namespaces/ns/configmaps/x'],
    ['v1', 'Endpoints', '/api/v1/namespaces/ns/endpoints/x'],
    ['v1', 'Namespace', '/api/v1/namespaces/x'],
    ['apps/v1', 'Deployment', '/apis/apps/v1/namespaces/ns/deployments/x'],
    ['networking.k8s.io/v1', 'NetworkPolicy', '/apis/networking.k8s.io/v1/namespaces/ns/networkpolicies/x'],
    ['networking.k8s.io/v1', 'Ingress', '/apis/networking.k8s.io/v1/namespaces/ns/ingresses/x'],
    ['discovery.k8s.io/v1', 'EndpointSlice', '/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices/x'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole', '/apis/rbac.authorization.k8s.io/v1/clusterroles/x'],
    ['storage.k8s.io/v1', 'StorageClass', '/apis/storage.k8s.io/v1/storageclasses/x'],
    ['example.dev/v1alpha1', 'Gateway', '/apis/example.dev/v1alpha1/namespaces/ns/gateways/x'],
  ])('%s %s is %s', (apiVersion, name, path) => {
    expect(pathOf(kind(apiVersion, name), { name: 'x', namespace: 'ns' })).toBe(path);
  });

  test('with a subresource, or a plural and scope of its own', () => {
    const octopuses = kind('example.dev/v1', 'Octopus', { plural: 'octopodes', namespaced: false });
    expect(pathOf(octopuses, { name: 'x' }, 'status')).toBe('/apis/example.dev/v1/octopodes/x/status');
  });

  test('and is refused when its apiVersion could not be one', () => {
    expect(() => kind('apps/v1/deployments', 'Deployment')).toThrow('expected "version" or "group/version"');
  });
});

test.each([[{ name: 'a' }], [{ name: 'a', namespace: 'n' }]])('a key is read back as it was written: %o', (key) => {
  expect(parseKey(keyOf(key))).toEqual(key);
});

test('an answer that is no object is refused, not trusted', () => {
  expect(() => kind('v1', 'Pod').accept('<html>')).toThrow('where an object with metadata was expected');
});
