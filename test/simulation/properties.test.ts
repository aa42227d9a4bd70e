/** What a controller must be, one property a test. Crashes and API faults at every step are in crashes.test.ts and troubles.test.ts. */
import { expect, test } from 'vitest';
import { annotations, namespaceOf } from '@cloister/tenancy';
import type { StoredObject } from 'kube-model';
import { isReady } from '../../operator/src/status/conditions.ts';
import * as kinds from '../../operator/src/kinds.ts';
import { undisturbedRun } from './compare.ts';
import { isRecord } from './json.ts';
import { differences, stateOf } from './normalise.ts';
import { prepare, simulate } from './run.ts';
import { onStage } from './scene.ts';
import { workloadNamed, type Act } from './workloads.ts';
import type { World } from './world.ts';

const namespace = namespaceOf('acme');
const acme: Act = ({ person }) => person.tenant('acme');
const support: Act = ({ person }) => person.agent('acme', 'support');

const tenantOf = (world: World, name = 'acme'): kinds.Tenant | undefined =>
  kinds.tenants.accept(world.find('Tenant', name) ?? { metadata: { name } });
const ready = (world: World, name = 'acme'): boolean => isReady(tenantOf(world, name)?.status?.conditions);
const agentReady = (world: World, name = 'support'): boolean => {
  const found = world.find('AgentConfig', name, namespace);
  return found !== undefined && isReady(kinds.agentConfigs.accept(found).status?.conditions);
};
/** With their passwords. */
const loginsOfAcme = ({ data: { logins, users } }: World): string[] =>
  [
    ...[...logins].map(([login, password]) => `${login} ${password}`),
    ...[...users.values()].map(({ name, password }) => `${name} ${password}`),
  ]
    .filter((login) => login.startsWith('t_acme'))
    .sort();
const specOf = (object: StoredObject | undefined): Record<string, unknown> => (isRecord(object?.['spec']) ? object['spec'] : {});

test('level-triggered: in whatever order and groups events arrive, the end is the same', async () => {
  const workload = workloadNamed('a tenant and its agents are created');
  const { state } = await undisturbedRun(workload, 1);
  for (const seed of [2, 3, 4, 5, 6, 7, 8]) expect(differences(state, (await simulate(workload, '', seed)).state)).toEqual([]);
});

test('level-triggered: events that never arrive, because the server forgot them, are made up for', async () => {
  const workload = workloadNamed('an agent is scaled by a number, by a range, and by a number again');
  const { state } = await undisturbedRun(workload, 1);
  expect(differences(state, (await simulate(workload, 'dropped:0+dropped:3+dropped:7+dropped:11', 1)).state)).toEqual([]);
});

test('idempotent: a converged world costs no write, whatever time passes and however often the operator starts', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world }) => {
    const calls = world.calls.length;
    for (let start = 0; start < 3; start++) {
      await world.pass(1_200_000);
      await world.restart();
    }
    await world.pass(1_200_000);
    expect(world.calls.slice(calls)).toEqual([]);
  }));

test('an agent that is applied with its Tenant is told of once: what it waited for meanwhile is gone before anybody could read it', () =>
  onStage('nobody', [], async ({ world, person }) => {
    await person.tenant('acme');
    while (!world.find('Namespace', namespace)) await world.pass(1);
    const calls = world.calls.length;
    await person.agent('acme', 'support');
    await world.converge();
    expect(agentReady(world)).toBe(true);
    expect(world.calls.slice(calls).filter(({ what }) => what.endsWith('/agentconfigs/support/status'))).toHaveLength(1);
  }));

test('no cache is empty when the first write leaves: every kind was listed before', () =>
  onStage('nobody', [], async ({ world, person, time }) => {
    world.stopAll();
    await person.tenant('acme');
    const asked: string[] = [];
    world.mishap = ({ what, write, request }) => {
      if (request) asked.push(write ? 'write' : request.query?.['watch'] ? 'watch' : what);
      return undefined;
    };
    world.startOperator();
    await world.converge();
    await time.rest();
    const { informers } = world.processes.at(-1)?.cluster ?? { informers: [] };
    expect(asked.slice(0, asked.indexOf('write')).filter((what) => what === 'watch')).toHaveLength(informers.length);
  }));

test('stale-safe: every deletion names the UID that it means', async () => {
  const unnamed: string[] = [];
  const workloads = ['a tenant is created again under the same name', 'a tenant moves into a namespace that was lent to it, and out again'];
  for (const name of workloads) {
    const { deletions } = await simulate(workloadNamed(name), 'stale:5:20', 3);
    expect(deletions.length).toBeGreaterThan(3);
    unnamed.push(...deletions.filter(({ uid }) => uid === undefined).map(({ path }) => path));
  }
  expect(unnamed).toEqual([]);
});

test('no hijack: nothing is written into a namespace that nobody handed over, nor to the namespace', () =>
  onStage(
    'a namespace in the way',
    [({ person }) => person.create(kinds.namespaceKind, { name: namespace })],
    async ({ world, person }) => {
      const { version } = world.server;
      await acme({ world, person, meanwhile: (steps) => world.stir(steps) });
      await world.converge();
      const touched = world
        .byOperator(world.changesSince(version))
        .filter(({ key }) => key === namespace || key.startsWith(`${namespace}/`));
      expect(touched).toEqual([]);
      expect(ready(world)).toBe(false);
    },
  ));

test("no hijack: an object of another controller is left as it is, and the agent's status names it", () =>
  onStage('a foreign Service', [acme], async ({ world, person }) => {
    await person.create(kinds.configMaps, { name: 'foreign', namespace });
    const uid = world.find('ConfigMap', 'foreign', namespace)?.metadata.uid;
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'foreign', uid, controller: true }];
    await person.create(kinds.services, { name: 'support', namespace, ownerReferences }, { spec: { ports: [{ port: 1 }] } });
    const before = world.find('Service', 'support', namespace);
    await person.agent('acme', 'support');
    await world.converge();
    expect(world.find('Service', 'support', namespace)).toEqual(before);
    expect(JSON.stringify(world.find('AgentConfig', 'support', namespace)?.['status'])).toContain('controlled by ConfigMap');
  }));

test('drift: children that have lost the labels by which they are seen get them back', async () => {
  const workload = workloadNamed('children lose the labels by which they are seen');
  const before = stateOf(await prepare(workload));
  expect(differences(before, (await undisturbedRun(workload, 1)).state)).toEqual([]);
});

test('drift: what the operator set is put back, what others added stays', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    const before = stateOf(world);
    await person.edit(kinds.resourceQuotas, { name: 'tenant', namespace }, { spec: { hard: { pods: '999' } } });
    await person.remove(kinds.networkPolicies, { name: 'default-deny', namespace });
    await person.edit(kinds.deployments, { name: 'support', namespace }, { metadata: { annotations: { team: 'blue' } } });
    await world.converge();
    const lines = differences(before, stateOf(world));
    expect(lines.filter((line) => line.startsWith('differs') || line.startsWith('missing') || line.startsWith('too many'))).toEqual([
      `differs: Deployment ${namespace}/support`,
    ]);
    expect(world.find('Deployment', 'support', namespace)?.metadata.annotations).toMatchObject({ team: 'blue' });
  }));

test('field removal: what a spec names no more is gone from the children, and so are children', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    const before = stateOf(world);
    await person.editAgent('acme', 'support', { scaling: { min: 1, max: 4 }, parameters: { temperature: 1 } });
    await person.editTenant('acme', {
      owners: [{ kind: 'User', name: 'ada', role: 'viewer' }],
      access: { apiKeys: [{ name: 'default' }, { name: 'ci' }] },
    });
    await world.converge();
    for (const [kind, name] of [
      ['HorizontalPodAutoscaler', 'support'],
      ['Role', 'cloister-viewer'],
      ['RoleBinding', 'cloister-viewer'],
      ['Secret', 'api-key-ci'],
    ] as const)
      expect(world.find(kind, name, namespace)).toBeDefined();
    await person.editAgent('acme', 'support', { scaling: null, parameters: null });
    await person.editTenant('acme', { owners: null, access: null });
    await world.converge();
    expect(differences(before, stateOf(world))).toEqual([]);
  }));

test('roll-back: a bad spec leaves what ran, and the good one from before leads to the state from before', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    const before = stateOf(world);
    const running = specOf(world.find('Deployment', 'support', namespace));
    await person.editAgent('acme', 'support', { model: 'nobody/knows', replicas: 5 });
    await world.converge();
    expect(agentReady(world)).toBe(false);
    expect(specOf(world.find('Deployment', 'support', namespace))).toEqual(running);
    await person.editAgent('acme', 'support', { model: 'offline/echo', replicas: null });
    await world.converge();
    expect(differences(before, stateOf(world))).toEqual([]);
  }));

test('isolation: a key that cannot be removed loses nothing of a rotation: each new login is written where agents find it, and told once', () =>
  onStage(
    'a tenant with two keys',
    [({ person }) => person.tenant('acme', { access: { apiKeys: [{ name: 'default' }, { name: 'old' }, { name: 'older' }] } })],
    async ({ world, person }) => {
      const calls = world.calls.length;
      const refusal = { code: 409, reason: 'Conflict', message: 'the simulation says so' };
      let refused = 0;
      world.mishap = ({ request }) =>
        request?.method === 'DELETE' && request.path.endsWith('/api-key-old') && refused++ < 3 ? { before: refusal } : undefined;
      const spec = { access: { apiKeys: [{ name: 'default' }] } };
      await person.edit(kinds.tenants, { name: 'acme' }, { spec, metadata: { annotations: { [annotations.rotate]: 'now' } } });
      await world.converge();
      expect(refused).toBeGreaterThan(3);
      for (const name of ['api-key-old', 'api-key-older']) expect(world.find('Secret', name, namespace)).toBeUndefined();
      const asked = world.calls.slice(calls).map(({ what }) => what);
      expect(asked.filter((what) => what.startsWith('Postgres: login of t_acme'))).toHaveLength(1);
      expect(asked.filter((what) => what.startsWith('Redis: user t_acme'))).toHaveLength(1);
      const told = world.server.objects().map((object) => (object.kind === 'Event' ? String(object['note']) : ''));
      expect(told.filter((note) => note.includes('a new database credential') || note.includes('a new redis credential'))).toHaveLength(2);
      expect(told.filter((note) => /(database|redis) credential before is ended/.test(note))).toHaveLength(2);
    },
  ));

test('status: observedGeneration follows, a time moves only with its status, and writing a status never leads to another write', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    const since = new Map(tenantOf(world)?.status?.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
    await world.pass(5_000);
    const { version } = world.server;
    await person.editTenant('acme', { displayName: 'Acme, Inc.' });
    await world.converge();
    const tenant = tenantOf(world);
    expect(tenant?.status?.observedGeneration).toBe(tenant?.metadata.generation);
    for (const { type, lastTransitionTime } of tenant?.status?.conditions ?? []) expect(lastTransitionTime).toBe(since.get(type));
    const own = world.byOperator(world.changesSince(version)).map(({ served, subresource }) => `${served.kind.kind}/${subresource ?? ''}`);
    expect(own).toEqual(['Tenant/status']);
  }));

test('finalizers: a foreign one stays and holds the tenant, our own goes once everything is cleaned up', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    await world.administrator.patch(kinds.tenants, { name: 'acme' }, [
      { op: 'add', path: '/metadata/finalizers/-', value: 'example.dev/mine' },
    ]);
    await person.remove(kinds.tenants, { name: 'acme' });
    await world.converge();
    expect(tenantOf(world)?.metadata.finalizers).toEqual(['example.dev/mine']);
    expect(world.find('Namespace', namespace)).toBeUndefined();
    expect([...world.data.roles.keys()]).not.toContain('t_acme');
    expect(loginsOfAcme(world)).toEqual([]);
    await person.edit(kinds.tenants, { name: 'acme' }, { metadata: { finalizers: null } });
    await world.converge();
    expect(world.find('Tenant', 'acme')).toBeUndefined();
  }));

test('finalizers: while cleaning up fails, the tenant stays and says why', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    world.data.away.postgres = true;
    await person.remove(kinds.tenants, { name: 'acme' });
    await world.pass(120_000);
    expect(JSON.stringify(tenantOf(world)?.status)).toContain('Postgres at postgres:5432');
    expect(world.find('Namespace', namespace)?.metadata.deletionTimestamp).toBeUndefined();
    world.data.away.postgres = false;
    await world.converge();
    expect(world.find('Tenant', 'acme')).toBeUndefined();
  }));

test('deletion works when creation never finished', () =>
  onStage('nobody', [], async ({ world, person }) => {
    world.data.away.postgres = true;
    await person.tenant('acme', { classRef: { name: 'ghost' } });
    await world.pass(30_000);
    await person.remove(kinds.tenants, { name: 'acme' });
    world.data.away.postgres = false;
    await world.converge();
    expect(world.find('Tenant', 'acme')).toBeUndefined();
    expect(world.find('Namespace', namespace)).toBeUndefined();
  }));

test('a terminating namespace is waited for, then made anew, with other keys and the same data', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    const before = loginsOfAcme(world);
    await person.edit(kinds.configMaps, { name: 'tenant-acme', namespace: 'cloister-system' }, { metadata: { annotations: { a: 'b' } } });
    await person.create(kinds.configMaps, { name: 'held', namespace, finalizers: ['example.dev/mine'] });
    await person.remove(kinds.namespaceKind, { name: namespace });
    await world.pass(600_000);
    expect(JSON.stringify(tenantOf(world)?.status)).toContain('NamespaceTerminating');
    expect(ready(world)).toBe(false);
    await person.edit(kinds.configMaps, { name: 'held', namespace }, { metadata: { finalizers: null } });
    await world.converge();
    expect(ready(world)).toBe(true);
    expect(loginsOfAcme(world)).not.toEqual(before);
    expect(world.data.schemas.has('t_acme')).toBe(true);
  }));
