import { parseApiKey } from '@cloister/identity';
import { tenantAccess, tenantPolicy } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import * as kinds from '../kinds.ts';
import { tenantAccessOf } from './children/access.ts';
import { namespaceChild } from './children/namespace.ts';
import { tenantPolicyOf } from './children/policy.ts';
import { resourceQuota } from './children/resource-quota.ts';
import { tenantRoleBindings, tenantRoles } from './children/roles.ts';
import { blocking } from '../status/finding.ts';
import { check } from './checks.ts';
import { completion, surplus, thereAlready, wantedOf } from './plan.ts';
import { agentNamed, snapshot } from './snapshot.fixture.ts';

const plan = wantedOf;
const names = (seen = snapshot()) => plan(seen).map(({ kind, desired }) => `${kind.kind}/${desired.metadata.name}`);

describe('the plan', () => {
  test('raises the walls before anything that could run', () => {
    expect(names().slice(0, 3)).toEqual(['Namespace/tenant-acme', 'NetworkPolicy/default-deny', 'NetworkPolicy/agents']);
    expect(names()).toContain('ResourceQuota/tenant');
  });
  test.each([
    [10, 300, 50],
    [100, 720, 120],
  ])('has room for what %i agents are made of', (agents, configMaps, services) => {
    const { desired } = resourceQuota(snapshot({ spec: { quota: { agents } } }));
    expect(desired).toMatchObject({ spec: { hard: { 'count/configmaps': String(configMaps), 'count/services': String(services) } } });
  });
  test('bounds the number of AgentConfigs, well above those that may run, but not before they can be counted', () => {
    const spec = { quota: { agents: 10 } };
    const bound = { spec: { hard: { 'count/agentconfigs.cloister.dev': '40' } } };
    expect(resourceQuota(snapshot({ spec, agentConfigsCounted: true })).desired).toMatchObject(bound);
    expect(JSON.stringify(resourceQuota(snapshot({ spec })).desired)).not.toContain('agentconfigs');
  });
  test('puts everything where it belongs: into the namespace, or among the documents for the gateway', () => {
    const strays = plan(snapshot()).filter(
      ({ kind, desired }) =>
        kind.namespaced && !['tenant-acme', 'cloister-system', 'cloister-access'].includes(desired.metadata.namespace ?? ''),
    );
    expect(strays).toEqual([]);
  });
  test('keeps everything of a tenant findable by its label', () => {
    for (const { desired } of plan(snapshot())) expect(desired.metadata.labels).toMatchObject({ 'cloister.dev/tenant': 'acme' });
  });
  test('leaves the policy document for later while the ServiceAccount has no UID', () => {
    expect(names(snapshot({ serviceAccountUID: undefined }))).not.toContain('ConfigMap/tenant-acme');
  });
  test('where walls cannot be written, opens no way in, and brings those that are there in line', () => {
    const seen = snapshot();
    expect(thereAlready(seen, completion(seen))).toEqual([]);
    const access = { kind: kinds.secrets, object: { metadata: { name: 'tenant-acme', namespace: 'cloister-access' } } };
    const opened = { ...seen, removable: [access] };
    expect(thereAlready(opened, completion(opened)).map(({ kind, desired }) => [kind.kind, desired.metadata.namespace])).toEqual([
      ['Secret', 'cloister-access'],
    ]);
  });
  test('gives no Ingress to who asks for the host of another', () => {
    expect(names(snapshot({ hostTakenBy: 'bravo' }))).not.toContain('Ingress/tenant-acme');
  });
});

describe('an archived tenant', () => {
  const archived = snapshot({ spec: { state: 'Archived' }, agents: [agentNamed('support')] });
  test('keeps namespace, walls, quota and keys, and has no way in', () => {
    const closed = ['Secret/tenant-acme', 'Ingress/tenant-acme'];
    expect(names(archived)).toEqual(names(snapshot()).filter((name) => !closed.includes(name)));
  });
  test('loses host and access document, and what is left says who is not served', () => {
    const objects = [
      { kind: kinds.ingresses, object: { metadata: { name: 'tenant-acme', namespace: 'cloister-system' } } },
      { kind: kinds.secrets, object: { metadata: { name: 'tenant-acme', namespace: 'cloister-access' } } },
      { kind: kinds.secrets, object: { metadata: { name: 'api-key-default', namespace: 'tenant-acme' } } },
    ];
    const seen = { ...archived, removable: objects };
    expect(surplus(seen, plan(seen)).map(({ kind }) => kind.kind)).toEqual(['Ingress', 'Secret']);
    expect(tenantPolicyOf(archived)).toMatchObject({ state: 'Archived', hosts: [], agents: [], defaultAgent: undefined });
  });
  test('keeps the quota in force when its class is gone', () => {
    const orphan = snapshot({ spec: { state: 'Archived', classRef: { name: 'gone' } } });
    expect(names(orphan)).not.toContain('ResourceQuota/tenant');
    expect(blocking(check(orphan))).toBe(false);
  });
});

test('the namespace goes with its tenant, unless it was lent', () => {
  const lent = { metadata: { name: 'tenant-acme', labels: { 'cloister.dev/tenant': 'acme' } } };
  expect(namespaceChild(snapshot()).owned).toBe(true);
  expect(namespaceChild(snapshot({ namespace: undefined })).owned).toBe(true);
  expect(namespaceChild(snapshot({ namespace: lent })).owned).toBe(false);
});

describe('what is removed', () => {
  const object = (name: string) => ({ kind: kinds.secrets, object: { metadata: { name, namespace: 'tenant-acme' } } });
  test('is a key whose entry was taken away; never the credentials of Postgres and Redis', () => {
    const seen = snapshot({ removable: ['api-key-default', 'api-key-old', 'database', 'redis'].map(object) });
    expect(surplus(seen, plan(seen)).map((one) => one.object.metadata.name)).toEqual(['api-key-old']);
  });
});

describe('the policy document', () => {
  const of = (given: Parameters<typeof snapshot>[0]) => tenantPolicy.parse(JSON.parse(JSON.stringify(tenantPolicyOf(snapshot(given)))));
  test('says what the gateway must enforce, models in full', () => {
    expect(
      of({ spec: { budget: { daily: { usd: 1 }, perUser: { daily: { tokens: 7 } } }, rateLimits: { requestsPerMinute: 5 } } }),
    ).toEqual({
      tenant: 'acme',
      uid: 'uid-acme',
      namespace: 'tenant-acme',
      state: 'Active',
      hosts: ['acme.cloister.localhost'],
      agents: [],
      serviceAccounts: { agent: 'uid-of-service-account' },
      models: ['offline/echo'],
      rateLimits: { requestsPerMinute: 5, perUser: {} },
      budget: { timeZone: 'UTC', daily: { usd: 1 }, perUser: { daily: { tokens: 7 } } },
    });
  });
  test('says what each agent may spend of the budget', () => {
    const [thrifty, free] = [agentNamed('thrifty'), agentNamed('free')];
    const agents = [{ ...thrifty, spec: { model: 'offline/echo', budget: { daily: { usd: 0.1 + 0.2 }, monthly: { tokens: 9 } } } }, free];
    expect(of({ agents }).agents.map(({ name, budget }) => ({ name, budget }))).toEqual([
      { name: 'free', budget: undefined },
      { name: 'thrifty', budget: { daily: { usd: 0.3 }, monthly: { tokens: 9 } } },
    ]);
  });
  test('says which models answer in the place of dearer ones: those of the agent, else of the tenant, else the agent’s own', () => {
    const naming = { ...agentNamed('naming'), spec: { model: 'a/big', budget: { downgradeTo: ['a/tiny'] } } };
    const silent = { ...agentNamed('silent'), spec: { model: 'a/big', fallbacks: ['a/mid', 'a/small'] } };
    const told = (budget: object) => {
      const { agents, ...policy } = of({ agents: [naming, silent], spec: { budget } });
      return [policy.budget.onExceeded, ...agents.map(({ downgradeTo }) => downgradeTo)];
    };
    const onExceeded = { action: 'Downgrade', softLimitPercent: 80, downgradeTo: ['a/cheap'] };
    expect(told({ onExceeded: 'Downgrade', downgradeTo: ['a/cheap'] })).toEqual([onExceeded, ['a/tiny'], undefined]);
    const own = ['a/big', 'a/mid', 'a/small'];
    expect(told({ onExceeded: 'Downgrade' })).toEqual([{ ...onExceeded, downgradeTo: [] }, ['a/tiny'], own]);
    expect(told({ onExceeded: 'Throttle' })).toEqual([{ action: 'Throttle', softLimitPercent: 80 }, undefined, undefined]);
    expect(told({})).toEqual([undefined, undefined, undefined]);
  });
  test('says which agents have answers given again, no longer than the tenant allows, and how much is kept of them', () => {
    const cached = (name: string, responseCache: object) => ({ ...agentNamed(name), spec: { model: 'offline/echo', responseCache } });
    const agents = [cached('brief', {}), cached('long', { ttlSeconds: 900 }), agentNamed('plain')];
    const policy = of({ agents, spec: { responseCache: { ttlSeconds: 600, mebibytes: 3 } } });
    expect(policy.agents.map(({ name, cacheSeconds }) => [name, cacheSeconds])).toEqual([
      ['brief', 300],
      ['long', 600],
      ['plain', undefined],
    ]);
    expect(policy.cacheBytes).toBe(3 * 1024 * 1024);
  });
  test('names the oldest agent as default where the spec names none, and none where it names a missing one', () => {
    const agents = [agentNamed('young', {}, '2026-02-01T00:00:00Z'), agentNamed('old', {}, '2026-01-01T00:00:00Z')];
    expect(of({ agents }).defaultAgent).toBe('old');
    expect(of({ agents, spec: { defaultAgent: 'young' } }).defaultAgent).toBe('young');
    expect(of({ agents, spec: { defaultAgent: 'gone' } }).defaultAgent).toBeUndefined();
    expect(of({ agents }).agents[0]).toEqual({ name: 'old', url: 'https://old.tenant-acme.svc:443' });
  });
  test('tells edge of an agent that is to have no pod', () => {
    const agents = [{ ...agentNamed('idle'), spec: { model: 'offline/echo', replicas: 0 } }];
    expect(of({ agents }).agents).toMatchObject([{ name: 'idle', scaledToZero: true }]);
  });
  test('says how requests are shared out, as the spec has it', () => {
    const trafficSplits = [{ name: 'support', agents: [{ name: 'support', weight: 9 }, { name: 'support-next' }] }];
    expect(of({ spec: { trafficSplits } }).trafficSplits).toMatchObject([{ name: 'support', agents: [{ weight: 9 }, { weight: 1 }] }]);
    expect(of({ spec: { trafficSplits, state: 'Archived' } }).trafficSplits).toBeUndefined();
    expect(of({ spec: { trafficSplits: [] } }), 'or edge would read whole bodies to choose among none').not.toHaveProperty('trafficSplits');
  });
  test("claims no host that is another tenant's", () => {
    expect(of({ hostTakenBy: 'bravo' }).hosts).toEqual([]);
  });
});

describe('the access document', () => {
  const oidc = ['https://a.example', 'https://b.example'].map((issuer) => ({ issuer, audience: 'x' }));
  const of = (given: Parameters<typeof snapshot>[0]) => tenantAccess.parse(JSON.parse(JSON.stringify(tenantAccessOf(snapshot(given)))));
  test('holds keys as hashes, never in clear', () => {
    const seen = snapshot();
    const key = seen.apiKeys[0]?.key ?? '';
    const text = JSON.stringify(tenantAccessOf(seen));
    expect(text).not.toContain(key);
    expect(JSON.parse(text)).toMatchObject({ apiKeys: [{ id: parseApiKey(key)?.id, name: 'default' }] });
  });
  test('gives the end of a key in UTC', () => {
    const apiKeys = [{ name: 'a', expiresAt: '2027-01-01T01:00:00+01:00' }];
    expect(of({ spec: { access: { apiKeys } } }).apiKeys).toMatchObject([{ expiresAt: '2027-01-01T00:00:00.000Z', scopes: ['chat'] }]);
  });
  test('gives the limits of a key', () => {
    const apiKeys = [{ name: 'a', rateLimits: { tokensPerMinute: 1000 } }, { name: 'b' }];
    const found = of({ spec: { access: { apiKeys } } }).apiKeys;
    expect(found.map(({ rateLimits }) => rateLimits)).toEqual([{ tokensPerMinute: 1000 }, undefined]);
  });
  test('gives what a key may spend, in whole micro-dollars', () => {
    const apiKeys = [{ name: 'a', budget: { daily: { usd: 0.1 + 0.2 }, monthly: { tokens: 9 } } }, { name: 'b' }];
    const found = of({ spec: { access: { apiKeys } } }).apiKeys;
    expect(found.map(({ budget }) => budget)).toEqual([{ daily: { usd: 0.3 }, monthly: { tokens: 9 } }, undefined]);
  });
  test('gives the roles of users as what they may do', () => {
    const roles = { claim: 'groups', values: ['user', 'editor', 'owner'].map((role) => ({ value: `${role}s`, role })) };
    const hs256 = { secretRef: { name: 'jwt', key: 'secret' }, roles };
    const given = {
      spec: { access: { hs256, oidc: [{ ...oidc[0], roles }] } },
      sharedSecret: { state: 'usable' as const, value: 's'.repeat(32) },
    };
    const { hs256: secret, oidc: issuers } = of(given);
    const values = [
      { value: 'users', scopes: ['chat'] },
      { value: 'editors', scopes: ['chat', 'settings', 'usage'] },
      { value: 'owners', scopes: ['chat', 'settings', 'usage', 'admin'] },
    ];
    for (const found of [secret, issuers[0]]) expect(found).toMatchObject({ scopes: ['chat'], roles: { claim: 'groups', values } });
  });
  test('leaves out what is doubtful: a short secret, an issuer that is taken', () => {
    const hs256 = { secretRef: { name: 'jwt', key: 'secret' } };
    const found = of({ spec: { access: { oidc, hs256 } }, takenIssuers: new Map([[0, 'bravo']]), sharedSecret: { state: 'short' } });
    expect(found.oidc.map(({ issuer }) => issuer)).toEqual(['https://b.example']);
    expect(found.hs256).toBeUndefined();
  });
});

describe('the roles of a tenant', () => {
  const spec = {
    owners: [
      { kind: 'User', name: 'jane', role: 'owner' },
      { kind: 'ServiceAccount', name: 'ci', namespace: 'build', role: 'editor' },
    ],
  };
  const text = JSON.stringify(tenantRoles(snapshot({ spec })));
  test('open nothing that holds the tenant in', () => {
    for (const resource of ['networkpolicies', 'rolebindings', 'serviceaccounts', 'pods/exec', 'deployments', '"*"'])
      expect(text).not.toContain(resource);
  });
  test('let owners read API keys by name, and no other Secret', () => {
    const rules = text.match(/\{[^{}]*"secrets"[^{}]*\}/g);
    expect(rules).toEqual(['{"apiGroups":[""],"resources":["secrets"],"resourceNames":["api-key-default"],"verbs":["get"]}']);
  });
  test('are there while somebody has them, and bound to those', () => {
    expect(tenantRoles(snapshot({ spec })).map(({ desired }) => desired.metadata.name)).toEqual(['cloister-editor', 'cloister-owner']);
    expect(tenantRoleBindings(snapshot({ spec })).map(({ desired }) => [desired.metadata.name, desired['subjects']])).toEqual([
      ['cloister-editor', [{ kind: 'ServiceAccount', name: 'ci', namespace: 'build' }]],
      ['cloister-owner', [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }]],
    ]);
  });
});
