/** What need not be looked at again is not. */
import { namespaceOf } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { onStage } from './scene.ts';
import type { Act } from './workloads.ts';
import type { World } from './world.ts';

const namespace = namespaceOf('acme');
const acme: Act = ({ person }) => person.tenant('acme');
const support: Act = ({ person }) => person.agent('acme', 'support');

/** Reconciles of all controllers so far. */
async function runs({ processes }: World): Promise<number> {
  let sum = 0;
  for (const { cluster } of processes) {
    const metric = await cluster.registry.getSingleMetric('controller_runtime_reconcile_total')?.get();
    for (const { value } of metric?.values ?? []) sum += value;
  }
  return sum;
}

test('an agent that somebody labels and annotates in a loop is not looked at again', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    const before = await runs(world);
    for (let turn = 0; turn < 20; turn++) {
      const notes = { labels: { turn: `${turn}` }, annotations: { turn: `${turn}` } };
      await person.edit(kinds.agentConfigs, { name: 'support', namespace }, { metadata: notes });
      await world.pass(100);
    }
    expect(await runs(world)).toBe(before);
    await person.editAgent('acme', 'support', { instructions: 'Be brief.' });
    await world.converge();
    expect(await runs(world)).toBeGreaterThan(before);
  }));

test('while a namespace takes its time to go, nothing but it is looked at, and once it is gone nothing of the tenant is left', () =>
  onStage('a tenant and an agent', [acme, support], async ({ world, person }) => {
    await person.create(kinds.configMaps, { name: 'held', namespace, finalizers: ['example.dev/mine'] });
    await person.remove(kinds.tenants, { name: 'acme' });
    await world.pass(60_000);
    expect(JSON.stringify(world.find('Tenant', 'acme'))).toContain(`waiting for namespace \\"${namespace}\\" to be gone`);
    const asked: string[] = [];
    world.mishap = ({ what }) => {
      if (what.includes('acme')) asked.push(what);
      return undefined;
    };
    await world.pass(60_000);
    expect(asked.length).toBeGreaterThan(20);
    expect([...new Set(asked)]).toEqual([`GET /api/v1/namespaces/${namespace}`]);
    await person.edit(kinds.configMaps, { name: 'held', namespace }, { metadata: { finalizers: null } });
    await world.converge();
    expect(world.find('Tenant', 'acme')).toBeUndefined();
    expect(world.find('Namespace', namespace)).toBeUndefined();
    expect([...world.data.logins.keys(), ...world.data.schemas.keys()].filter((name) => name.includes('acme'))).toEqual([]);
  }));
