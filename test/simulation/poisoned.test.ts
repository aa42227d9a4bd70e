/** What is refused for good holds up nobody, and is tried ever more slowly, whatever throttle stands before it. */
import { expect, test } from 'vitest';
import { namespaceOf, namespaces, systemSecrets } from '@cloister/tenancy';
import * as kinds from '../../operator/src/kinds.ts';
import { isReady } from '../../operator/src/status/conditions.ts';
import { onStage } from './scene.ts';
import type { Act } from './workloads.ts';
import type { World } from './world.ts';

const namespace = namespaceOf('acme');
const acme: Act = ({ person }) => person.tenant('acme');

const ready = (world: World, name = 'acme'): boolean =>
  isReady(kinds.tenants.accept(world.find('Tenant', name) ?? { metadata: { name } }).status?.conditions);
const agentReady = (world: World, name: string): boolean => {
  const found = world.find('AgentConfig', name, namespace);
  return found !== undefined && isReady(kinds.agentConfigs.accept(found).status?.conditions);
};
const classReady = (world: World, name: string): boolean =>
  isReady(kinds.tenantClasses.accept(world.find('TenantClass', name) ?? { metadata: { name } }).status?.conditions);

/** From now on, whatever the operator writes to such a path is refused. */
function poison(world: World, part: string, refusal = { code: 500, reason: 'InternalError', message: 'poisoned' }): void {
  world.mishap = ({ write, request }) => (write && request?.path.includes(part) ? { before: refusal } : undefined);
}

/** How often such a write is tried while so many milliseconds pass. */
async function triesWithin(ms: number, world: World, part: string): Promise<number> {
  const calls = world.calls.length;
  await world.pass(ms);
  return world.calls.slice(calls).filter(({ what }) => what.includes(part)).length;
}

test('isolation: a tenant whose every write fails holds up nobody, and is tried ever more slowly', () =>
  onStage('nobody', [], async ({ world, person }) => {
    poison(world, 'poisoned');
    await person.tenant('poisoned');
    await world.pass(60_000);
    await person.tenant('acme');
    await world.pass(10_000);
    expect(ready(world)).toBe(true);
    await person.agent('acme', 'support');
    await world.pass(10_000);
    expect(agentReady(world, 'support')).toBe(true);
    expect((await triesWithin(3_600_000, world, 'poisoned')) / 60).toBeLessThan(15);
    world.mishap = () => undefined;
    await world.converge();
    expect(ready(world, 'poisoned')).toBe(true);
  }));

test('isolation: a class whose every write fails holds up nobody, and is tried ever more slowly', () =>
  onStage('nobody', [], async ({ world, person }) => {
    poison(world, 'poisoned');
    await person.create(kinds.tenantClasses, { name: 'poisoned' }, { spec: {} });
    await world.pass(60_000);
    await person.create(kinds.tenantClasses, { name: 'sound' }, { spec: { defaults: { models: { allow: ['offline/*'] } } } });
    await person.tenant('acme', { classRef: { name: 'sound' } });
    await world.pass(10_000);
    expect([classReady(world, 'sound'), ready(world)]).toEqual([true, true]);
    const tries = await triesWithin(600_000, world, 'poisoned');
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThan(20);
    world.mishap = () => undefined;
    await world.converge();
    expect(classReady(world, 'poisoned')).toBe(true);
  }));

test('isolation: agents whose Deployments are refused take one turn each among the rollouts of their tenant, and are tried ever more slowly', () =>
  onStage('a tenant', [acme], async ({ world, person }) => {
    const deployments = 'deployments/poisoned';
    const poisoned = ['poisoned-a', 'poisoned-b', 'poisoned-c'];
    poison(world, deployments, { code: 403, reason: 'Forbidden', message: 'admission webhook "theirs.example.dev" denied the request' });
    for (const name of poisoned) await person.agent('acme', name);
    await world.pass(60_000);
    const since = performance.now();
    await person.agent('acme', 'support');
    while (!world.find('Deployment', 'support', namespace)) await world.pass(10);
    expect(performance.now() - since).toBeLessThan(500);
    const tries = await triesWithin(600_000, world, deployments);
    expect(tries).toBeGreaterThan(15);
    expect(tries).toBeLessThan(40);
    expect(agentReady(world, 'support')).toBe(true);
    world.mishap = () => undefined;
    await world.converge();
    expect(poisoned.filter((name) => !agentReady(world, name))).toEqual([]);
  }));

const system = namespaces.system;
test.each(Object.values(systemSecrets))(
  'isolation: %s, which cannot be read, holds up nothing else that Cloister needs for itself',
  (refused) =>
    onStage('nobody', [], async ({ world, person }) => {
      const made = (): string[] => Object.values(systemSecrets).filter((name) => world.find('Secret', name, system));
      const refusal = { code: 500, reason: 'InternalError', message: 'poisoned' };
      world.mishap = ({ request }) => (request?.path.endsWith(`/secrets/${refused}`) ? { before: refusal } : undefined);
      for (const name of Object.values(systemSecrets)) await person.remove(kinds.secrets, { name, namespace: system });
      await world.pass(10_000);
      expect(made()).toEqual(Object.values(systemSecrets).filter((name) => name !== refused));
      world.mishap = () => undefined;
      await world.converge();
      expect(made()).toEqual(Object.values(systemSecrets));
    }),
);
