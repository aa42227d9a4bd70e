import { describe, expect, test } from 'vitest';
import type { NetworkPolicySpec } from '../kinds.ts';
import { blocking } from '../status/finding.ts';
import { check } from './checks.ts';
import { agentNamed, classNamed, namespaceOwnedBy, snapshot, starter, tenantNamed } from './snapshot.fixture.ts';

const taken = { metadata: { name: 'tenant-acme', labels: { team: 'other' } } };
const foreign = (spec: NetworkPolicySpec) => ({ metadata: { name: 'foreign' }, spec: { podSelector: {}, ...spec } });
const hs256 = { access: { hs256: { secretRef: { name: 'jwt', key: 'secret' } } } };
const oidc = { access: { oidc: [{ issuer: 'https://id.example', audience: 'a' }] } };
const splitAmong = (weights: Readonly<Record<string, number>>) => ({
  trafficSplits: [{ name: 'support', agents: Object.entries(weights).map(([name, weight]) => ({ name, weight })) }],
});

describe('a tenant is held back', () => {
  test.each<[string, Parameters<typeof snapshot>[0], string, RegExp]>([
    ['when its class does not exist', { spec: { classRef: { name: 'gold' } } }, 'ClassNotFound', /spec\.classRef\.name is "gold"/],
    ['when it names no class and none is the default', { classes: [] }, 'ClassNotFound', /no TenantClass says spec\.default/],
    [
      'when it names no class and two are the default',
      { classes: [starter, classNamed('b', { default: true })] },
      'SeveralDefaults',
      /b, starter/,
    ],
    [
      'when it is pinned to a revision that its class does not have, and has none of its own yet',
      { spec: { classRef: { name: 'starter', revision: 'starter-0' } } },
      'RevisionUnknown',
      /spec\.classRef\.revision is "starter-0".*kubectl get controllerrevisions -n cloister-system -l cloister\.dev\/class=starter/,
    ],
    ["when its namespace is somebody else's", { namespace: taken }, 'NamespaceTaken', /label it cloister\.dev\/tenant=acme/],
    [
      'when its namespace is that of an earlier tenant of its name',
      { namespace: namespaceOwnedBy(tenantNamed('acme', {}, 'an-earlier-uid')) },
      'NamespaceTaken',
      /not this tenant's/,
    ],
    [
      'when its namespace is still going',
      { namespace: { metadata: { ...namespaceOwnedBy(tenantNamed('acme')).metadata, deletionTimestamp: 'x' } } },
      'NamespaceTerminating',
      /still being deleted/,
    ],
  ])('%s', (_, given, reason, message) => {
    const found = check(snapshot(given));
    expect(found).toMatchObject([{ reason, message: expect.stringMatching(message) as unknown }]);
    expect(blocking(found)).toBe(true);
  });
});

describe('a tenant is told, and goes on', () => {
  test.each<[string, Parameters<typeof snapshot>[0], string, RegExp]>([
    [
      'when its quota is above the ceiling',
      { spec: { quota: { pods: 50 } } },
      'AboveClassCeiling',
      /spec\.quota\.pods is 50, above the 20/,
    ],
    [
      'when its time zone is unknown',
      { spec: { budget: { timeZone: 'Mars/Olympus' } } },
      'TimeZoneUnknown',
      /"Mars\/Olympus".*UTC applies/,
    ],
    ['when its host is taken', { hostTakenBy: 'bravo' }, 'HostTaken', /belongs to tenant "bravo"; set another spec\.network\.host/],
    [
      'when its issuer is taken',
      { spec: oidc, takenIssuers: new Map([[0, 'bravo']]) },
      'IssuerTaken',
      /spec\.access\.oidc\[0\].*tenantClaim/,
    ],
    ['when the shared secret is missing', { spec: hs256, sharedSecret: { state: 'missing' } }, 'SecretMissing', /Secret "jwt".*create it/],
    ['when the shared secret lacks its key', { spec: hs256, sharedSecret: { state: 'no key' } }, 'SecretInvalid', /no key "secret"/],
    ['when the shared secret is short', { spec: hs256, sharedSecret: { state: 'short' } }, 'SecretInvalid', /shorter than 32 bytes/],
    ['when its ServiceAccount is still to come', { serviceAccountUID: undefined }, 'Pending', /ServiceAccount/],
    ['when a model it allows is offered by nobody', { spec: { models: { allow: ['openai/*'] } } }, 'ModelUnknown', /"openai\/\*"/],
    [
      'when a model for hard times is one that it may not use',
      { spec: { budget: { downgradeTo: ['offline/echo', 'openai/nano'] } } },
      'ModelUnknown',
      /^spec\.budget\.downgradeTo has "openai\/nano".*add it to spec\.models\.allow/,
    ],
    [
      'when its default agent is missing',
      { spec: { defaultAgent: 'x' }, agents: [agentNamed('a')] },
      'AgentNotFound',
      /spec\.defaultAgent is "x"/,
    ],
    [
      'when all who share requests are missing',
      { spec: splitAmong({ a: 0, x: 1, y: 1 }), agents: [agentNamed('a')] },
      'AgentNotFound',
      /answered by "x", "y", no AgentConfig .*so its callers get 503; create it or name another/,
    ],
    [
      'when another policy lets its agents out',
      { networkPolicies: [foreign({ egress: [{}] })] },
      'PolicyWidens',
      /NetworkPolicy "foreign" spec\.egress\[0\] lets agents reach everything on every port.*delete the policy or narrow the rule/,
    ],
    [
      'when another policy lets others at its agents',
      { networkPolicies: [foreign({ ingress: [{ ports: [{ port: 8080 }] }], policyTypes: ['Ingress'] })] },
      'PolicyWidens',
      /NetworkPolicy "foreign" spec\.ingress\[0\] lets agents be reached by everything on TCP port 8080/,
    ],
    [
      'when a budget is spent',
      {
        usage: {
          asOf: '',
          daily: { startsOn: '2026-11-26', usd: 9, tokens: 9, percent: 100 },
          monthly: { startsOn: '', usd: 9, tokens: 9, percent: 99 },
        },
      },
      'BudgetSpent',
      /^the daily budget that began on 2026-11-26 is spent.*raise spec\.budget\.daily/,
    ],
    ['when an agent does not serve', { agents: [agentNamed('a', { Ready: 'False' })] }, 'AgentsNotReady', /: a;/],
    [
      'when it was suspended and an agent has not been told of that',
      { spec: { state: 'Suspended' }, agents: [agentNamed('a'), agentNamed('b', { Ready: ['True', 'Suspended'] })] },
      'AgentsNotReady',
      /are not known to have stopped: a;/,
    ],
    [
      'when it was archived and an agent is suspended still',
      { spec: { state: 'Archived' }, agents: [agentNamed('a', { Ready: ['True', 'Suspended'] })] },
      'AgentsNotReady',
      /are not known to have stopped: a;/,
    ],
    [
      'when it is active again and an agent is suspended still',
      { agents: [agentNamed('a', { Ready: ['True', 'Suspended'] }), agentNamed('b')] },
      'AgentsNotReady',
      /do not serve, or not as configured: a;/,
    ],
  ])('%s', (_, given, reason, message) => {
    const found = check(snapshot(given));
    expect(found).toMatchObject([{ reason, message: expect.stringMatching(message) as unknown }]);
    expect(blocking(found)).toBe(false);
  });
});

describe('a tenant has nothing to hold it back', () => {
  test.each<[string, Parameters<typeof snapshot>[0]]>([
    ['when its world is in order', {}],
    ['before its namespace is there', { namespace: undefined }],
    [
      'when an administrator lent it a namespace',
      { namespace: { metadata: { name: 'tenant-acme', labels: { 'cloister.dev/tenant': 'acme' } } } },
    ],
    ['when its default agent is announced before any agent is there', { spec: { defaultAgent: 'x' } }],
    ['when agents that share requests are announced before any is there', { spec: splitAmong({ x: 1 }) }],
    ['when an agent that shares requests is missing and another answers', { spec: splitAmong({ a: 9, x: 1 }), agents: [agentNamed('a')] }],
    ['when an agent that has no share is missing', { spec: splitAmong({ a: 1, x: 0 }), agents: [agentNamed('a')] }],
    [
      'when an agent is being replaced and the old pods serve',
      { agents: [agentNamed('a', { Ready: 'False', Available: 'True', Stalled: 'False' })] },
    ],
    ['when its shared secret is usable', { spec: hs256, sharedSecret: { state: 'usable', value: 'x'.repeat(32) } }],
  ])('%s', (_, given) => {
    expect(check(snapshot(given))).toEqual([]);
  });
});

test('of many rules that open something, five are named and the others counted', () => {
  const found = check(snapshot({ networkPolicies: [foreign({ egress: Array.from({ length: 8 }, () => ({})) })] }));
  expect(found).toHaveLength(5);
  expect(found[4]?.message).toMatch(/spec\.egress\[4\].*; and 3 rules more$/);
});
