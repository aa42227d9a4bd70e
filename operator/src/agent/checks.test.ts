import { describe, expect, test } from 'vitest';
import { blocking } from '../status/finding.ts';
import { classNamed, tenantNamed } from '../tenant/snapshot.fixture.ts';
import { check } from './checks.ts';
import { landlord, snapshot } from './snapshot.fixture.ts';

const leaving = { ...tenantNamed('acme'), metadata: { name: 'acme', deletionTimestamp: 'x' } };

describe('an agent is held back', () => {
  test.each<[string, Parameters<typeof snapshot>[0], string, RegExp]>([
    ['in a namespace of no tenant', { landlord: undefined }, 'NamespaceNotTenant', /"tenant-acme" belongs to no Tenant/],
    ['when its tenant is going', { landlord: { ...landlord(), tenant: leaving } }, 'Deleting', /being deleted/],
    ['when its tenant has no class', { landlord: landlord({}, []) }, 'Pending', /has no class/],
    [
      'when its tenant has enough agents without it',
      { landlord: landlord({ quota: { agents: 2 } }), older: 2 },
      'TooManyAgents',
      /may have 2 AgentConfigs \(spec\.quota\.agents\)/,
    ],
    ['until the walls are there', { awaited: ['the network policies'] }, 'Pending', /waiting for the network policies/],
    [
      'when its model is not allowed',
      { spec: { model: 'openai/gpt' } },
      'ModelNotAllowed',
      /spec\.model is "openai\/gpt".*choose one of offline\/echo/,
    ],
    [
      'when a model for hard times is not allowed',
      { spec: { budget: { downgradeTo: ['a/b'] } } },
      'ModelNotAllowed',
      /spec\.budget\.downgradeTo\[0\] is "a\/b"/,
    ],
    ['when a fallback is not allowed', { spec: { fallbacks: ['a/b'] } }, 'ModelNotAllowed', /spec\.fallbacks\[0\] is "a\/b"/],
    [
      'when a choice it offers is not allowed',
      { spec: { settings: { models: ['a/b'] } } },
      'ModelNotAllowed',
      /spec\.settings\.models\[0\]/,
    ],
    [
      'when its tenant may use no model at all',
      { landlord: landlord({}, [classNamed('bare', { default: true })]) },
      'ModelNotAllowed',
      /set spec\.models\.allow on it or on its TenantClass/,
    ],
  ])('%s', (_, given, reason, message) => {
    const found = check(snapshot(given));
    expect(found).toMatchObject([{ reason, message: expect.stringMatching(message) as unknown }]);
    expect(blocking(found)).toBe(true);
  });
});

test('an agent whose world is in order has nothing to hold it back', () => {
  expect(check(snapshot())).toEqual([]);
});

test('a model that is there for embeddings only is named as such', () => {
  const owner = landlord();
  const standing = { ...owner.standing, models: [...owner.standing.models, 'offline/vectors'] };
  const found = check(snapshot({ spec: { model: 'offline/vectors' }, landlord: { ...owner, standing } }));
  const message = 'spec.model is "offline/vectors", which its ModelProvider offers for embeddings only; choose one of offline/echo';
  expect(found).toMatchObject([{ reason: 'ModelNotAllowed', message: expect.stringContaining(message) as unknown }]);
});

test('every model that is not allowed is named, not only the first', () => {
  expect(check(snapshot({ spec: { model: 'a/b', fallbacks: ['c/d', 'offline/echo'] } }))).toHaveLength(2);
});
