/** What somebody who holds every right in a tenant's namespace still cannot do, and that those who must get past the walls do. */
import { kind, pathOf, type Kind, type KubeObject } from 'kube-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { until } from '../e2e/support/until.ts';
import type { Child } from '../../operator/src/child.ts';
import { kindOf, startWalled, system, type Attempt, type Subject, type Walled } from './api-server.ts';
import { account, allowed, anyPolicy, clusterAdmin, create, namespace, patch, podSpec, refused } from './attempts.ts';
import { holdingOn } from './holding-on.ts';
import { breakingOut, tooMuch } from './pods.ts';
import { beyond, ofNamespace, plugins, podsThemselves, rights } from './plugins.ts';
import { allowedOfOwn, ofReplicaSet, own, subresources } from './subresources.ts';
import { children } from './tenant.ts';

const roleBindings = kind('rbac.authorization.k8s.io/v1', 'RoleBinding');
const clusterRoleBindings = kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', { namespaced: false });
const clusterRoles = kind('rbac.authorization.k8s.io/v1', 'ClusterRole', { namespaced: false });
const ofNamespaces = { apiGroups: [''], resources: ['namespaces', 'namespaces/status', 'namespaces/finalize'], verbs: ['*'] };
const serviceAccounts = kind('v1', 'ServiceAccount');
const namespaces = kind('v1', 'Namespace', { namespaced: false });
const pods = kind('v1', 'Pod');
const reported = z.object({ status: z.record(z.string(), z.unknown()) });

let walled: Walled;
let operator: Subject;
/** May do everything in the tenant's namespace, and everything to namespaces. */
let tenant: Subject;
/** May do everything everywhere. */
let platform: Subject;

beforeAll(async () => {
  walled = await startWalled('test-walls');
  operator = await walled.as(system, 'operator');
  await until('the policies to be in force', async () => /makes it a tenant's/.test(await outsiderLabels()), { within: 30_000 });
  for (const child of children) await operator.cluster.apply(child.kind, child.desired);
  const { root } = walled;
  // Kubernetes makes it when it gets to it; until then it refuses every pod for the want of it, before anybody asks the policies.
  await until('the default account', () => root.get(serviceAccounts, { name: 'default', namespace }), { within: 60_000 });
  const people = 'people';
  await root.create(namespaces, { metadata: { name: people } });
  await root.create(roleBindings, { metadata: { name: 'all', namespace }, roleRef: clusterAdmin, subjects: [account('tenant', people)] });
  await root.create(clusterRoleBindings, {
    metadata: { name: 'platform' },
    roleRef: clusterAdmin,
    subjects: [account('platform', people)],
  });
  tenant = await walled.as(people, 'tenant');
  platform = await walled.as(people, 'platform');
}, 120_000);
afterAll(() => walled.stop());

/** Around the tests of a block. */
function having(objects: readonly Pick<Child, 'kind' | 'desired'>[]): void {
  beforeAll(async () => {
    for (const { kind: of, desired } of objects) await walled.root.create(of, desired);
  });
  afterAll(async () => {
    for (const { kind: of, desired } of objects)
      await walled.root.request({ method: 'DELETE', path: pathOf(of, desired.metadata), query: { gracePeriodSeconds: 0 } });
  });
}

async function podOfAgent(): Promise<KubeObject> {
  const isAgents = ({ metadata }: KubeObject) => metadata.labels?.['cloister.dev/agent'] === 'support';
  return until('a pod of the agent', async () => (await walled.root.list(pods, { namespace })).find(isAgents), { within: 20_000 });
}

/** Asked before anybody else is there. */
async function outsiderLabels(): Promise<string> {
  const { root } = walled;
  await root.apply(clusterRoles, { metadata: { name: 'of-namespaces' }, rules: [ofNamespaces] });
  await root.apply(clusterRoleBindings, {
    metadata: { name: 'of-namespaces' },
    roleRef: { ...clusterAdmin, name: 'of-namespaces' },
    subjects: [account('tenant', 'people'), account('outsider', 'default')],
  });
  const outsider = await walled.as('default', 'outsider');
  return outsider.try(create('v1', 'Namespace', { metadata: { name: 'tenant-forged', labels: { 'cloister.dev/tenant': 'forged' } } }));
}

describe('with every right in the namespace, a tenant is refused', () => {
  test.each([...refused, ...holdingOn])('%s', async (_, attempt, message) => {
    expect(await tenant.try(attempt)).toMatch(message);
  });

  describe('past the objects themselves', () => {
    having(own);

    test.each(subresources)('%s', async (_, attempt, message) => {
      expect(await tenant.try(attempt)).toMatch(message);
    });

    test('the ReplicaSet of an agent’s Deployment: its labels, its pods, and leaving those behind', async () => {
      const replicaSets = kind('apps/v1', 'ReplicaSet');
      const named = (one: KubeObject) => one.metadata.name.startsWith('support-');
      const made = await until('it', async () => (await walled.root.list(replicaSets, { namespace })).find(named), { within: 20_000 });
      for (const attempt of ofReplicaSet(made.metadata.name)) expect(await tenant.try(attempt)).toMatch(/replicasets.*the AgentConfig/);
    });
  });

  test('an agent in a namespace of no tenant, and so is everybody', async () => {
    const stray: Attempt = {
      method: 'POST',
      path: '/apis/cloister.dev/v1alpha1/namespaces/people/agentconfigs',
      body: { apiVersion: 'cloister.dev/v1alpha1', kind: 'AgentConfig', metadata: { name: 'stray' }, spec: { model: 'a/b' } },
    };
    expect(await platform.try(stray)).toMatch(
      /AgentConfig "stray": metadata\.namespace is "people", which belongs to no Tenant; put it into/,
    );
  });
});

describe('whoever makes it, there is no pod in the namespace', () => {
  test.each(breakingOut)('that %s', async (_, attempt, message) => {
    for (const maker of [tenant, platform]) expect(await maker.try(attempt)).toMatch(message);
  });
});

test.each(tooMuch)('nobody gets more %s for the namespace than the quota has', async (_, attempt, message) => {
  await until('the quota to be counted', async () => message.test(await tenant.try(attempt)), { within: 20_000 });
  expect(await platform.try(attempt)).toMatch(message);
});

describe('with every right in the namespace, a tenant may still', () => {
  having(own);
  test.each([...allowed, ...allowedOfOwn])('%s', async (_, attempt) => {
    expect(JSON.parse(await tenant.try(attempt))).toMatchObject({ kind: expect.any(String) as unknown });
  });
});

describe('the operator is refused in namespaces of nobody', () => {
  const elsewhere = 'elsewhere';
  const clusterRole = z.object({
    rules: z.array(z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) })),
  });
  const attempted = new Set<string>();

  async function refusedTo(
    { kind: of, desired }: Pick<Child, 'kind' | 'desired'>,
    verbs: readonly ('create' | 'patch' | 'delete')[],
  ): Promise<void> {
    const { name } = desired.metadata;
    const at = of.namespaced ? { namespace: elsewhere } : {};
    const body = {
      ...desired,
      apiVersion: of.apiVersion,
      kind: of.kind,
      metadata: { ...desired.metadata, ...at, labels: {}, name: `${name}-2` },
    };
    const attempts: Record<(typeof verbs)[number], Attempt> = {
      create: { method: 'POST', path: pathOf(of, at), body },
      patch: { method: 'PATCH', path: pathOf(of, { ...at, name }), body: { metadata: { annotations: { seen: 'here' } } } },
      delete: { method: 'DELETE', path: pathOf(of, { ...at, name }) },
    };
    for (const verb of verbs) {
      expect(await operator.try(attempts[verb]), `${verb} ${of.kind} ${name}`).toMatch(
        /the operator may (not write in namespace "elsewhere"|only make, change or delete namespaces that are labelled)/,
      );
      attempted.add(`${of.apiVersion.includes('/') ? of.apiVersion.replace(/\/.*/, '') : ''}/${of.plural} ${verb}`);
    }
  }

  test('each write that its ClusterRole allows, but of its own resources and Events', { timeout: 60_000 }, async () => {
    const { root } = walled;
    const own = { kind: namespaces, desired: { metadata: { name: elsewhere } } };
    await root.create(own.kind, own.desired);
    const there = children
      .filter(({ kind: of }) => of.namespaced)
      .map((child) => ({ ...child, desired: { ...child.desired, metadata: { ...child.desired.metadata, namespace: elsewhere } } }));
    for (const { kind: of, desired } of there) await root.create(of, desired);
    for (const child of [own, ...there]) await refusedTo(child, ['create', 'patch', 'delete']);
    for (const of of [kind('apps/v1', 'ReplicaSet'), kind('v1', 'Pod')]) {
      const desired = await until(`a ${of.kind}`, async () => (await root.list(of, { namespace: elsewhere }))[0], { within: 20_000 });
      await refusedTo({ kind: of, desired }, ['delete']);
    }
    await root.delete(own.kind, own.desired.metadata);

    const { rules } = clusterRole.parse(await root.get(clusterRoles, { name: 'cloister-operator' }));
    const allowed = rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`))),
    );
    const writes = allowed.filter(
      (right) => / (create|update|patch|delete)$/.test(right) && !/^cloister\.dev\/|^events\.k8s\.io\//.test(right),
    );
    expect([...attempted].toSorted()).toEqual(writes.toSorted());
  });
});

describe('who must get past the walls does:', () => {
  test('the operator, with the rights of the chart and no others', async () => {
    for (const { kind: of, desired } of children) {
      const { outcome } = await operator.cluster.apply(of, desired);
      expect(`${of.kind} ${desired.metadata.name} ${outcome}`).toBe(`${of.kind} ${desired.metadata.name} unchanged`);
    }
    for (const { kind: of, desired } of children.filter((child) => child.kind.kind !== 'Namespace'))
      expect(await operator.cluster.delete(of, desired.metadata)).toBe(true);
    for (const child of children) await operator.cluster.apply(child.kind, child.desired);
  });

  test('who edits an agent that somebody holds on to already, and who lets it go', async () => {
    const apiVersion = 'cloister.dev/v1alpha1';
    const agents = kindOf({ apiVersion, kind: 'AgentConfig' });
    const held = { name: 'held', namespace, finalizers: ['example.com/keep'] };
    await walled.root.create(agents, { metadata: held, spec: { model: 'a/b' } });
    const asTenant = async (change: object): Promise<unknown> =>
      JSON.parse(await tenant.try(patch(apiVersion, 'AgentConfig', 'held', change)));
    expect(await asTenant({ spec: { model: 'a/c' } })).toMatchObject({ metadata: { finalizers: held.finalizers }, spec: { model: 'a/c' } });
    expect(await asTenant({ metadata: { finalizers: null } })).toMatchObject({ kind: 'AgentConfig', metadata: { name: 'held' } });
    await walled.root.patch(agents, held, { metadata: { finalizers: null } });
    await walled.root.delete(agents, held);
  });

  test('administrators of the platform: whoever may update Tenants', async () => {
    expect(JSON.parse(await platform.try(create('networking.k8s.io/v1', 'NetworkPolicy', anyPolicy)))).toMatchObject({
      kind: 'NetworkPolicy',
    });
    const label = { metadata: { labels: { 'pod-security.kubernetes.io/warn': 'baseline' } } };
    expect(JSON.parse(await platform.try(patch('v1', 'Namespace', namespace, label)))).toMatchObject({ kind: 'Namespace' });
  });

  describe('whoever runs pods:', () => {
    const onNode = { metadata: { name: 'on-one', namespace }, spec: podSpec({ nodeName: 'one', serviceAccountName: 'agent' }) };
    having([{ kind: pods, desired: onNode }]);

    test('kubelets, who fetch tokens of agents and report their pods', async () => {
      const kubelet = { 'impersonate-user': 'system:node:one', 'impersonate-group': 'system:nodes' };
      await walled.root.apply(roleBindings, {
        metadata: { name: 'as-a-kubelet', namespace },
        roleRef: clusterAdmin,
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:node:one' }],
      });
      const there = await walled.root.get(pods, onNode.metadata);
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: onNode.metadata.name, uid: there?.metadata.uid };
      const path = pathOf(serviceAccounts, { name: 'agent', namespace }, 'token');
      const spec = { audiences: ['cloister-egress'], boundObjectRef };
      expect(JSON.parse(await platform.try({ method: 'POST', path, body: { spec }, headers: kubelet }))).toMatchObject({
        kind: 'TokenRequest',
      });
      const report: Attempt = {
        method: 'PATCH',
        path: pathOf(pods, onNode.metadata, 'status'),
        body: { status: { phase: 'Running' } },
        headers: kubelet,
      };
      expect(JSON.parse(await platform.try(report))).toMatchObject({ kind: 'Pod', status: { phase: 'Running' } });
    });
  });

  test('the scheduler: it binds pods of agents to nodes', async () => {
    const { name } = (await podOfAgent()).metadata;
    const binding: Attempt = {
      method: 'POST',
      path: pathOf(pods, { name, namespace }, 'binding'),
      body: { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: 'one' } },
      headers: { 'impersonate-user': 'system:kube-scheduler' },
    };
    expect(JSON.parse(await platform.try(binding))).toMatchObject({ kind: 'Status', status: 'Success' });
  });

  test('network plugins and autoscalers, whatever their names: who has a status or a scale in the whole cluster, and for that alone', async () => {
    const roleRef = { ...clusterAdmin, name: 'plugin' };
    await walled.root.apply(clusterRoles, { metadata: { name: 'plugin' }, rules: [...rights, podsThemselves] });
    await walled.root.apply(clusterRoleBindings, { metadata: { name: 'plugin' }, roleRef, subjects: [account('plugin', 'network')] });
    await walled.root.apply(namespaces, { metadata: { name: 'network' } });
    const plugin = await walled.as('network', 'plugin');
    const { name } = (await podOfAgent()).metadata;
    for (const [what, attempt, made] of plugins(name)) {
      expect(await tenant.try(attempt), what).toMatch(/denied request/);
      expect(JSON.parse(await plugin.try(attempt)), what).toMatchObject({ kind: made });
    }
    expect(JSON.parse(await plugin.try(ofNamespace))).toMatchObject({ kind: 'Namespace' });
    expect(await plugin.try(beyond(name))).toMatch(/metadata\.labels has .* the operator's own pods are told/);
  });

  test('Kubernetes’ own controllers: agents get pods, which the quota counts', async () => {
    await podOfAgent();
    const quota = z.object({ status: z.object({ used: z.object({ pods: z.string() }) }) });
    const used = async () =>
      quota.safeParse(await walled.root.get(kind('v1', 'ResourceQuota'), { name: 'tenant', namespace })).data?.status.used.pods;
    await until('the quota to count it', async () => (await used()) === '1', { within: 20_000 });
    const configMaps = await walled.root.list(kind('v1', 'ConfigMap'), { namespace });
    expect(configMaps.map(({ metadata }) => metadata.name)).toContain('kube-root-ca.crt');
  });

  test('Kubernetes’ own controllers: they report Deployments and disruption budgets', async () => {
    const said = async (of: Kind, field: string): Promise<boolean> => {
      const there = reported.safeParse(await walled.root.get(of, { name: 'support', namespace }));
      return there.data?.status[field] === 1;
    };
    await until('the Deployment to have a pod', () => said(kind('apps/v1', 'Deployment'), 'replicas'), { within: 20_000 });
    await until('it to be counted', () => said(kind('policy/v1', 'PodDisruptionBudget'), 'expectedPods'), { within: 20_000 });
  });

  test('Kubernetes’ own controllers: a namespace that goes takes everything with it', async () => {
    await operator.cluster.delete(namespaces, { name: namespace });
    await until('the namespace to be gone', async () => !(await walled.root.get(namespaces, { name: namespace })), { within: 60_000 });
  });
});
