/** Every role, asked of a real API server about every resource and verb that anybody could want in a tenant's namespace. */
import { namespaceOf } from '@cloister/tenancy';
import { type Cluster } from 'kube-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { namespaceKind } from '../kinds.ts';
import { connectTestCluster } from '../testing/cluster.fixture.ts';
import { tenantRoleBindings, tenantRoles } from './children/roles.ts';
import { rightsOf, roleNames, type RoleName } from './role-table.ts';
import { snapshot } from './snapshot.fixture.ts';

const name = 'roles';
const namespace = namespaceOf(name);
const person = (role: RoleName): string => `${role}@roles.example`;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await connectTestCluster();
  await cluster.apply(namespaceKind, { metadata: { name: namespace } });
  const owners = roleNames.map((role) => ({ kind: 'User', name: person(role), role }));
  const keyed = (name: string, writableByOwners?: boolean) => ({ provider: name, secretRef: { name, key: 'key' }, writableByOwners });
  const providerKeys = [keyed('open', true), keyed('closed'), keyed('users', true)];
  const access = { hs256: { secretRef: { name: 'users', key: 'key' } } };
  const seen = { ...snapshot({ spec: { owners, providerKeys, access } }), name };
  for (const { kind, desired } of [...tenantRoles(seen), ...tenantRoleBindings(seen)]) await cluster.apply(kind, desired);
});
afterAll(async () => {
  await cluster.delete(namespaceKind, { name: namespace });
  await cluster.close();
});

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const resources: Readonly<Record<string, readonly string[]>> = {
  'cloister.dev': [
    'agentconfigs',
    'agentconfigs/status',
    'agentconfigs/scale',
    'agentconfigs/finalizers',
    'tenants',
    'tenantclasses',
    'modelproviders',
  ],
  '': [
    'pods',
    'pods/log',
    'pods/exec',
    'pods/attach',
    'pods/portforward',
    'pods/proxy',
    'pods/ephemeralcontainers',
    'pods/eviction',
    'secrets',
    'configmaps',
    'services',
    'services/proxy',
    'serviceaccounts',
    'serviceaccounts/token',
    'resourcequotas',
    'limitranges',
    'events',
    'endpoints',
    'persistentvolumeclaims',
    'replicationcontrollers',
    'namespaces',
    'nodes',
  ],
  'events.k8s.io': ['events'],
  apps: ['deployments', 'deployments/scale', 'replicasets', 'statefulsets', 'daemonsets'],
  batch: ['jobs', 'cronjobs'],
  autoscaling: ['horizontalpodautoscalers'],
  policy: ['poddisruptionbudgets'],
  'networking.k8s.io': ['networkpolicies', 'ingresses'],
  'discovery.k8s.io': ['endpointslices'],
  'rbac.authorization.k8s.io': ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
};
const everything = Object.entries(resources).flatMap(([apiGroup, list]) =>
  list.flatMap((resource) => verbs.map((verb) => ({ apiGroup, resource, verb }))),
);

interface Wish {
  readonly apiGroup: string;
  readonly resource: string;
  readonly verb: string;
  readonly name?: string;
  readonly namespace?: string;
}
const review = z.object({ status: z.object({ allowed: z.boolean() }) });

async function may(role: RoleName, { apiGroup, resource, verb, ...rest }: Wish): Promise<boolean> {
  const [plain, subresource] = resource.split('/');
  const resourceAttributes = { namespace, group: apiGroup, resource: plain, subresource, verb, ...rest };
  const answer = await cluster.request({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: person(role), groups: ['system:authenticated'], resourceAttributes },
    },
  });
  return review.parse(answer).status.allowed;
}

const worded = ({ apiGroup, resource, verb }: Wish): string => `${verb} ${apiGroup}/${resource}`;

test.each(roleNames)('a(n) %s may do what the table says, and nothing else', async (role) => {
  const allowed: string[] = [];
  for (let first = 0; first < everything.length; first += 16)
    await Promise.all(everything.slice(first, first + 16).map(async (wish) => (await may(role, wish)) && allowed.push(worded(wish))));
  const granted = rightsOf(role)
    .filter(({ only }) => !only)
    .flatMap(({ apiGroup, resources: list, verbs: may }) =>
      list.flatMap((resource) => may.map((verb) => worded({ apiGroup, resource, verb }))),
    );
  expect(allowed.sort()).toEqual([...new Set(granted)].sort());
});

describe('of Secrets', () => {
  const get = (secret: string) => ({ apiGroup: '', resource: 'secrets', verb: 'get', name: secret });
  const patch = (secret: string) => ({ ...get(secret), verb: 'patch' });
  test.each<[string, RoleName, Wish, boolean]>([
    ['an owner reads API keys', 'owner', get('api-key-default'), true],
    ['an owner reads no key that is none of the tenant’s', 'owner', get('api-key-other'), false],
    ['an owner does not read the database’s', 'owner', get('database'), false],
    ['an owner does not read that of Redis', 'owner', get('redis'), false],
    ['an owner does not change API keys', 'owner', { ...get('api-key-default'), verb: 'update' }, false],
    ['an owner replaces a key for a model provider that the administrator has left to owners', 'owner', patch('open'), true],
    ['an owner reads it, as the answer to a patch has it', 'owner', get('open'), true],
    ['an owner reads none that is not left to owners', 'owner', get('closed'), false],
    ['an owner does not delete it', 'owner', { ...get('open'), verb: 'delete' }, false],
    ['an owner replaces none that is not left to owners', 'owner', patch('closed'), false],
    ['an owner replaces none by which users come in', 'owner', patch('users'), false],
    ['an owner replaces nothing else', 'owner', patch('database'), false],
    ['an editor replaces none', 'editor', patch('open'), false],
    ['an editor reads none', 'editor', get('api-key-default'), false],
    ['a viewer reads none', 'viewer', get('api-key-default'), false],
  ])('%s', async (_, role, wish, allowed) => {
    expect(await may(role, wish)).toBe(allowed);
  });
});

test.each(roleNames)('a(n) %s may nothing in another namespace, and nothing across all', async (role) => {
  const pods = { apiGroup: '', resource: 'pods', verb: 'list' };
  const agents = { apiGroup: 'cloister.dev', resource: 'agentconfigs', verb: 'create' };
  for (const elsewhere of ['default', 'cloister-system', ''])
    for (const wish of [pods, agents]) expect(await may(role, { ...wish, namespace: elsewhere })).toBe(false);
});
