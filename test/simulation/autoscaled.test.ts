/** An autoscaler switches itself off where a Deployment has no pod, so the first ones after a standstill are the operator's to wish for. */
import { expect, test } from 'vitest';
import { findCondition } from 'kube-runtime';
import * as kinds from '../../operator/src/kinds.ts';
import { acme, namespace } from './acme.ts';
import { onStage } from './scene.ts';
import type { Act } from './workloads.ts';
import type { World } from './world.ts';

const scaling = { min: 2, max: 5 };
const none: Act = () => Promise.resolve();

const deployment = (world: World) => kinds.deployments.accept(world.find('Deployment', 'support', namespace) ?? { metadata: { name: '' } });
const ready = (world: World) => {
  const agent = world.find('AgentConfig', 'support', namespace);
  return findCondition(agent && kinds.agentConfigs.accept(agent).status?.conditions, 'Ready');
};

/** Each time that the agent was told to be Ready, and how many of its pods were. */
function praisedWith(world: World, version: number): number[] {
  let pods = deployment(world).status?.readyReplicas ?? 0;
  return world.changesSince(version).flatMap(({ after, key }) => {
    if (key !== `${namespace}/support` || !after) return [];
    if (after.kind === 'Deployment') pods = kinds.deployments.accept(after).status?.readyReplicas ?? 0;
    if (after.kind !== 'AgentConfig') return [];
    const told = findCondition(kinds.agentConfigs.accept(after).status?.conditions, 'Ready');
    return told?.status === 'True' && told.reason === 'Ready' ? [pods] : [];
  });
}

test.each<[string, object, Act, Act]>([
  [
    'its tenant was suspended',
    { scaling },
    ({ person }) => person.editTenant('acme', { state: 'Suspended' }),
    ({ person }) => person.editTenant('acme', { state: 'Active' }),
  ],
  ['it was to have none', { replicas: 0 }, none, ({ person }) => person.editAgent('acme', 'support', { replicas: null, scaling })],
  [
    'somebody took them away by hand',
    { scaling },
    none,
    ({ person }) => person.edit(kinds.deployments, { name: 'support', namespace }, { spec: { replicas: 0 } }),
  ],
])('an agent with a range to scale in has its fewest pods after %s, and is not told to be Ready before', (reason, spec, stop, start) =>
  onStage(`an agent, before ${reason}`, [acme, ({ person }) => person.agent('acme', 'support', spec)], async ({ world, person }) => {
    const scene = { world, person, meanwhile: (steps: number) => world.stir(steps) };
    await stop(scene);
    await world.converge();
    const { version } = world.server;
    await start(scene);
    await world.converge();
    expect(ready(world)).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(deployment(world).status?.readyReplicas).toBe(scaling.min);
    expect(praisedWith(world, version).filter((pods) => pods === 0)).toEqual([]);
  }),
);
