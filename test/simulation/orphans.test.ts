/** What belongs to no AgentConfig, and how many AgentConfigs there may be. */
import { annotations, labels } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { acme, established, namespace } from './acme.ts';
import { onStage } from './scene.ts';
import type { World } from './world.ts';

const many = 40;
const support = { name: 'support', namespace };

const of = (world: World, agent: string): string[] =>
  world.server
    .objects()
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[labels.agent] === agent)
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);

/** Of agents, so far. */
async function runs({ processes }: World): Promise<number> {
  let sum = 0;
  for (const { cluster } of processes) {
    const metric = await cluster.registry.getSingleMetric('controller_runtime_reconcile_total')?.get();
    for (const { value, labels: given } of metric?.values ?? []) sum += given['controller'] === 'agent' ? value : 0;
  }
  return sum;
}

test('what was orphaned while no operator ran is ended by the next one, and nothing else is', () =>
  onStage('a tenant of two agents', established, async ({ world, person, time }) => {
    const others = of(world, 'sales');
    world.stopAll();
    await time.rest();
    await person.orphan(kinds.agentConfigs, support);
    while (world.server.controllers.step((steps) => steps[0])) await time.rest();
    expect(world.find('AgentConfig', 'support', namespace)).toBeUndefined();
    expect(of(world, 'support')).toContain('Deployment support');
    world.startOperator();
    await world.converge();
    expect(of(world, 'support')).toEqual([]);
    expect(of(world, 'sales')).toEqual(others);
  }));

test("what only bears an agent's label, or stands where anybody gives it, is left alone", () =>
  onStage('a tenant without agents', [acme], async ({ world, person }) => {
    const given = { [labels.tenant]: 'acme', [labels.agent]: 'support' };
    const all = { ...given, [labels.name]: 'cloister', [labels.component]: 'agent', [labels.managedBy]: 'cloister' };
    const template = { metadata: { labels: { app: 'own' } }, spec: { containers: [{ name: 'own', image: 'own' }] } };
    await person.create(kinds.configMaps, { name: 'theirs', namespace, labels: given });
    // Admission leaves a Deployment its own labels; what its pods bear is another matter.
    await person.create(
      kinds.deployments,
      { name: 'theirs', namespace, labels: all },
      { spec: { replicas: 0, selector: { matchLabels: { app: 'own' } }, template } },
    );
    await person.create(kinds.namespaceKind, { name: 'elsewhere' });
    await person.create(kinds.configMaps, { name: 'theirs', namespace: 'elsewhere', labels: all });
    await world.restart();
    await world.converge();
    expect(of(world, 'support').sort()).toEqual(['ConfigMap theirs', 'Deployment theirs']);
    expect(world.find('ConfigMap', 'theirs', 'elsewhere')).toBeDefined();
  }));

test('a rotation comes to its end though an agent was orphaned in the midst of it', () =>
  onStage('a tenant of two agents', established, async ({ world, person }) => {
    await person.edit(kinds.tenants, { name: 'acme' }, { metadata: { annotations: { [annotations.rotate]: 'now' } } });
    await person.orphan(kinds.agentConfigs, support);
    await world.converge();
    expect(JSON.stringify(world.find('Tenant', 'acme'))).not.toContain('waitingFor');
    expect([...world.data.logins.keys()].filter((login) => login.includes('acme'))).toHaveLength(1);
  }));

test('an agent that goes where none waits for room wakes none of many', () =>
  onStage(
    'a tenant of many agents without pods',
    [
      ({ person }) => person.tenant('acme', { quota: { agents: many } }),
      async ({ person }) => {
        for (let index = 0; index < many; index++) await person.agent('acme', `agent-${index}`, { replicas: 0 });
      },
    ],
    async ({ world, person }) => {
      const before = await runs(world);
      await person.remove(kinds.agentConfigs, { name: 'agent-7', namespace });
      await world.converge();
      expect(await runs(world)).toBeLessThan(before + many / 2);
    },
  ));

test('an agent that goes makes room for the next one that waits, whose turn alone it is', () =>
  onStage(
    'a tenant with more agents than may run',
    [
      ({ person }) => person.tenant('acme', { quota: { agents: 3 } }),
      async ({ person, world }) => {
        for (const name of ['a', 'b', 'c', 'd', 'e']) {
          await person.agent('acme', name);
          await world.pass(1_100); // the order in which they came is told by the second
        }
      },
    ],
    async ({ world, person }) => {
      const deployed = () => ['a', 'b', 'c', 'd', 'e'].filter((name) => world.find('Deployment', name, namespace));
      expect(deployed()).toEqual(['a', 'b', 'c']);
      const calls = world.calls.length;
      await person.remove(kinds.agentConfigs, { name: 'b', namespace });
      await world.converge();
      expect(deployed()).toEqual(['a', 'c', 'd']);
      const told = world.calls.slice(calls).filter(({ what }) => /agentconfigs\/[ace]/.test(what));
      expect(told.map(({ what }) => what)).toEqual([]);
      await person.remove(kinds.agentConfigs, { name: 'a', namespace });
      await world.converge();
      expect(deployed()).toEqual(['c', 'd', 'e']);
    },
  ));

test('AgentConfigs beyond what the quota bounds are refused, once they can be counted', () =>
  onStage(
    'a tenant that may have one agent',
    [({ person }) => person.tenant('acme', { quota: { agents: 1 } })],
    async ({ world, person }) => {
      for (let index = 0; index < 22; index++) await person.agent('acme', `agent-${index}`);
      await expect(person.agent('acme', 'one-more')).rejects.toThrow('exceeded quota: tenant');
      await person.remove(kinds.resourceQuotas, { name: 'no-agentconfigs', namespace: 'cloister-system' });
      await world.converge();
      await person.agent('acme', 'one-more');
    },
  ));
