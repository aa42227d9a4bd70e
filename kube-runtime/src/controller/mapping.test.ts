import { describe, expect, test } from 'vitest';
import { kind } from '../kind.ts';
import { ownerKeys } from './owner-keys.ts';
import { generationChanged, specChanged } from './predicates.ts';

const tenants = kind('example.dev/v1', 'Tenant', { namespaced: false });
const sites = kind('example.dev/v1', 'Site');
const owned = (apiVersion: string, ownerKind: string, controller = true) => ({
  metadata: {
    name: 'c',
    namespace: 'n',
    labels: { tenant: 'globex' },
    ownerReferences: [{ apiVersion, kind: ownerKind, name: 'acme', uid: 'u', controller }],
  },
});

describe('a child leads to its owner', () => {
  test.each([
    ['cluster-scoped', tenants, owned('example.dev/v1', 'Tenant'), undefined, [{ name: 'acme', namespace: undefined }]],
    ['in the same namespace', sites, owned('example.dev/v1', 'Site'), undefined, [{ name: 'acme', namespace: 'n' }]],
    ['under another version of its API', sites, owned('example.dev/v2', 'Site'), undefined, [{ name: 'acme', namespace: 'n' }]],
    ['by label as well as by reference', tenants, owned('example.dev/v1', 'Tenant'), 'tenant', [{ name: 'acme' }, { name: 'globex' }]],
    ['by label alone', tenants, { metadata: { name: 'c', labels: { tenant: 'acme' } } }, 'tenant', [{ name: 'acme' }]],
  ])('%s', (_, of, child, label, keys) => {
    expect(ownerKeys(of, child, label)).toEqual(keys);
  });

  test.each([
    ['of another kind', owned('example.dev/v1', 'Site')],
    ['of another group', owned('other.dev/v1', 'Tenant')],
    ['that does not control it', owned('example.dev/v1', 'Tenant', false)],
  ])('but not to one %s', (_, child) => {
    expect(ownerKeys(tenants, child, undefined)).toEqual([]);
  });
});

describe('a change of the spec', () => {
  const site = (more: object) => ({ metadata: { name: 's', generation: 1, resourceVersion: '1', ...more } });
  const change = (before: object, after: object) =>
    ({ type: 'updated', previous: site(before), object: site(after), replay: false }) as const;

  test.each([
    ['generation', { generation: 2 }],
    ['labels', { labels: { a: 'b' } }],
    ['finalizers', { finalizers: ['f'] }],
    ['the deletion mark', { deletionTimestamp: 'now' }],
  ])('shows in %s', (_, after) => {
    expect(specChanged(change({}, after))).toBe(true);
  });

  test('does not show in the version alone, which a status update moves', () => {
    expect(specChanged(change({}, { resourceVersion: '2' }))).toBe(false);
  });

  test('is a change of anything but the status, for kinds without a generation', () => {
    const quota = (pods: string, used: string) => ({
      metadata: { name: 'q', resourceVersion: used, labels: {} },
      spec: { hard: { pods } },
      status: { used: { pods: used } },
    });
    const changed = (before: object, after: object) =>
      specChanged({
        type: 'updated',
        previous: { ...quota('1', '0'), ...before },
        object: { ...quota('1', '0'), ...after },
        replay: false,
      });
    expect(changed(quota('1', '0'), quota('1', '1'))).toBe(false);
    expect(changed(quota('1', '0'), quota('2', '0'))).toBe(true);
    expect(changed({}, { data: { a: 'b' } })).toBe(true);
  });
});

describe('a change of the generation', () => {
  const site = (more: object) => ({ metadata: { name: 's', uid: 'a', generation: 1, resourceVersion: '1', ...more } });
  const changed = (before: object, after: object) =>
    generationChanged({ type: 'updated', previous: site(before), object: site(after), replay: false });

  test.each([
    ['generation', { generation: 2 }],
    ['UID, where one of the same name was made anew', { uid: 'b' }],
    ['the deletion mark', { deletionTimestamp: 'now' }],
  ])('shows in %s', (_, after) => {
    expect(changed({}, after)).toBe(true);
  });

  test.each([
    ['version', { resourceVersion: '2' }],
    ['labels', { labels: { a: 'b' } }],
    ['annotations', { annotations: { a: 'b' } }],
    ['finalizers', { finalizers: ['f'] }],
  ])('does not show in %s', (_, after) => {
    expect(changed({}, after)).toBe(false);
  });

  test('is any change, of kinds without a generation', () => {
    expect(changed({ generation: undefined }, { generation: undefined })).toBe(true);
  });

  test('is an object that comes, or goes', () => {
    for (const type of ['added', 'deleted'] as const) expect(generationChanged({ type, object: site({}), replay: false })).toBe(true);
  });
});
