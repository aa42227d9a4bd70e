/** What a tenant that is suspended, archived or active again says of its agents, and that nothing of it runs meanwhile. */
import type { StoredObject } from 'kube-model';
import { findCondition } from 'kube-runtime';
import { describe, expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { established, namespace } from './acme.ts';
import { onStage } from './scene.ts';
import type { Act } from './workloads.ts';
import type { World } from './world.ts';

const podsOf = (world: World): number =>
  ['support', 'sales'].reduce((sum, name) => {
    const deployment = world.find('Deployment', name, namespace);
    return sum + (deployment ? (kinds.deployments.accept(deployment).status?.replicas ?? 0) : 0);
  }, 0);

/** The reasons for which the Tenant was told to be Ready, and the pods that its Deployments had by then. */
function praised(world: World, version: number, pods: number): [reason: string, pods: number][] {
  const count = (deployment: StoredObject | undefined) =>
    deployment?.kind === 'Deployment' ? (kinds.deployments.accept(deployment).status?.replicas ?? 0) : 0;
  let total = pods;
  return world.changesSince(version).flatMap(({ key, before, after }): [string, number][] => {
    if (key.startsWith(`${namespace}/`)) total += count(after) - count(before);
    if (after?.kind !== 'Tenant' || after.metadata.name !== 'acme') return [];
    const ready = findCondition(kinds.tenants.accept(after).status?.conditions, 'Ready');
    const isNew = ready?.observedGeneration === after.metadata.generation;
    return ready?.status === 'True' && isNew ? [[ready.reason, total]] : [];
  });
}

const to =
  (state: string): Act =>
  ({ person }) =>
    person.editTenant('acme', { state });

describe('a tenant is Ready in its new state no sooner than its agents are', () => {
  test.each([
    ['Suspended', 'Suspended', 0],
    ['Archived', 'Archived', 0],
  ])('%s', (state, reason, pods) =>
    onStage(
      `a tenant, to be ${state}`,
      established,
      async ({ world, person }) => {
        const { version } = world.server;
        const before = podsOf(world);
        expect(before).toBe(3);
        await to(state)({ world, person, meanwhile: (steps) => world.stir(steps) });
        await world.converge();
        const told = praised(world, version, before);
        expect(told).not.toEqual([]);
        expect(new Set(told.map(([why]) => why))).toEqual(new Set([reason]));
        expect(new Set(told.map(([, left]) => left))).toEqual(new Set([pods]));
      },
      { seed: 2 },
    ),
  );

  test('Active', () =>
    onStage('a tenant, to be active again', [...established, to('Suspended')], async ({ world, person }) => {
      const { version } = world.server;
      await to('Active')({ world, person, meanwhile: (steps) => world.stir(steps) });
      await world.converge();
      const told = praised(world, version, 0);
      expect(told).not.toEqual([]);
      expect(told.filter(([reason, pods]) => reason !== 'Ready' || pods < 2)).toEqual([]);
    }));
});

function toldOfTenant(world: World) {
  const tenant = world.find('Tenant', 'acme');
  return findCondition(tenant && kinds.tenants.accept(tenant).status?.conditions, 'Ready');
}

const otherModel = { spec: { model: 'nowhere/none' } };

test('an agent that cannot be configured any more stops with its tenant, and runs again once both can', () =>
  onStage('an agent whose model was taken away', established, async ({ world, person }) => {
    const key = { name: 'support', namespace };
    await person.edit(kinds.agentConfigs, key, otherModel);
    await world.converge();
    expect(podsOf(world)).toBe(3);
    await person.editTenant('acme', { state: 'Suspended' });
    await world.converge();
    expect(podsOf(world)).toBe(0);
    expect(toldOfTenant(world)).toMatchObject({ status: 'True', reason: 'Suspended' });
    await person.editTenant('acme', { state: 'Active' });
    await person.edit(kinds.agentConfigs, key, { spec: { model: 'offline/echo' } });
    await world.converge();
    expect(podsOf(world)).toBe(3);
  }));
