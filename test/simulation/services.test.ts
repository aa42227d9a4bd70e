/** Edge reaches an agent by its Service: one that has none does not serve, however many of its pods are ready. */
import { findCondition, type Condition } from 'kube-runtime';
import { expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { acme, agents, namespace } from './acme.ts';
import { onStage } from './scene.ts';
import type { Act } from './workloads.ts';
import type { World } from './world.ts';

const conditionOf = (world: World, kind: 'Tenant' | 'AgentConfig', name: string, type: string): Condition | undefined => {
  const found = world.find(kind, name, kind === 'Tenant' ? undefined : namespace);
  return findCondition(found && kinds.tenants.accept(found).status?.conditions, type);
};
const isReady = (world: World) => conditionOf(world, 'Tenant', 'acme', 'Ready')?.status === 'True';
const services = (world: World) =>
  world.server.objects().filter(({ kind, metadata }) => kind === 'Service' && metadata.namespace === namespace).length;

test('an agent whose Service is refused is not available, and its tenant not Ready, until there is one', () =>
  onStage('a tenant', [acme], async ({ world, person }) => {
    const refusal = { code: 403, reason: 'Forbidden', message: 'exceeded quota' };
    const isService = (path: string | undefined) => path?.endsWith(`/namespaces/${namespace}/services/support`) === true;
    world.mishap = ({ write, request }) => (write && isService(request?.path) ? { before: refusal } : undefined);
    await agents({ world, person, meanwhile: (steps) => world.stir(steps) });
    await world.pass(120_000);
    expect(conditionOf(world, 'AgentConfig', 'support', 'RolledOut')).toMatchObject({ status: 'False', reason: 'ApplyFailed' });
    expect(conditionOf(world, 'AgentConfig', 'support', 'Available')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('Service') as unknown,
    });
    expect(conditionOf(world, 'Tenant', 'acme', 'AgentsReady')?.message).toMatch(/: support;/);
    expect(conditionOf(world, 'AgentConfig', 'sales', 'Available')?.status).toBe('True');
    world.mishap = () => undefined;
    await world.converge();
    expect(conditionOf(world, 'AgentConfig', 'support', 'Available')?.status).toBe('True');
    expect(isReady(world)).toBe(true);
  }));

const many = 52;
const crowd: Act = async ({ person }) => {
  for (let index = 0; index < many; index++) await person.agent('acme', `agent-${index}`);
};
const roomy: Act = ({ person }) =>
  person.tenant('acme', { classRef: { name: 'gold' }, quota: { cpu: '16', memory: '64Gi', pods: 200, agents: many } });

test('every agent that the quota lets run gets its Service', () =>
  onStage('a tenant of many agents', [roomy, crowd], ({ world }) => {
    expect(services(world)).toBe(many);
    expect(isReady(world)).toBe(true);
    return Promise.resolve();
  }));
