/** Agents, against a real API server. Pods are played: see `testing/controllers.double.ts`. */
import { namespaces, parseDocument, tenantPolicy, documentKey } from '@cloister/tenancy';
import type { BaseObject, Kind } from 'kube-runtime';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { frozen } from './testing/controllers.double.ts';
import { configuration, runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until } from './testing/until.fixture.ts';

const namespace = 'tenant-one';
const key = { name: 'support', namespace };
let operator: RunningOperator;
let world: TenantWorld;
beforeAll(async () => {
  operator = await runOperator();
  world = new TenantWorld(operator.cluster);
  await world.prepare();
}, startTimeoutMs);
afterEach(() => world.removeTenants());
afterAll(async () => {
  await world.removeAll();
  await operator.stop();
});

async function readyAgent(spec: object = {}): Promise<kinds.AgentConfig> {
  await world.tenant('one');
  await world.ready('one');
  await world.agent('one', 'support', spec);
  return world.agentReady('one', 'support');
}

const policy = async () =>
  parseDocument(tenantPolicy, 'policy', (await world.get(kinds.configMaps, namespaces.system, 'tenant-one'))?.data?.[documentKey]);
const edit = (spec: object) => operator.cluster.patch(kinds.agentConfigs, key, { spec });
const documents = async () =>
  (await operator.cluster.list(kinds.configMaps, { namespace }))
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith('support-'));
const deployment = async () => JSON.stringify(await operator.cluster.get(kinds.deployments, key));

describe('an AgentConfig', () => {
  test('becomes an agent that edge knows', async () => {
    const agent = await readyAgent();
    expect(agent.status).toMatchObject({ endpoint: 'http://one.cloister.localhost/agents/support', replicas: 1, readyReplicas: 1 });
    expect(agent.status?.lastGoodRevision).toBe(agent.status?.revision);
    const found = await until('the policy to name it', async () => {
      const now = await policy();
      return now.agents.length > 0 && now;
    });
    expect(found).toMatchObject({ defaultAgent: 'support', agents: [{ name: 'support', url: 'https://support.tenant-one.svc:443' }] });
    await until('the Tenant to count it', async () => (await world.ready('one')).status?.agentsReady === 1);
  });

  test('that is scaled to zero is no more to be asked by edge, until it is to have pods again', async () => {
    await readyAgent();
    const toldOff = async () => (await policy()).agents[0]?.scaledToZero === true;
    await edit({ replicas: 0 });
    await until('edge to be told', toldOff);
    await edit({ replicas: 1 });
    await until('edge to be told otherwise', async () => !(await toldOff()));
  });

  test('may ask of models, and have again, what its AgentConfig says now, which egress is told although no pod is replaced', async () => {
    const allowedTools = ['weather'];
    await readyAgent({ responseCache: {}, allowedTools });
    const told = async () => {
      const [agent] = (await policy()).agents;
      return [agent?.cacheSeconds, agent?.bounds];
    };
    await until('egress to be told', async () => isDeepStrictEqual(await told(), [300, { tools: allowedTools }]));
    const before = await documents();
    for (const [spec, expected] of [
      [{ responseCache: { ttlSeconds: 60 } }, [60, { tools: allowedTools }]],
      [{ responseCache: null }, [undefined, { tools: allowedTools }]],
      [{ allowedTools: [] }, [undefined, { tools: [] }]],
      [{ allowedTools: null }, [undefined, undefined]],
    ] as const) {
      await edit(spec);
      await until(`egress to be told ${JSON.stringify(spec)}`, async () => isDeepStrictEqual(await told(), expected));
    }
    expect(await documents()).toEqual(before);
  });

  test('that is edited gets a new document, and the old one goes when the rollout is over', async () => {
    await readyAgent();
    const before = await documents();
    expect(before).toHaveLength(1);
    await edit({ instructions: 'Be brief.' });
    await until('the new document alone', async () => {
      const now = await documents();
      return now.length === 1 && now[0] !== before[0];
    });
    await world.agentReady('one', 'support');
  });

  test('has documents of an earlier one of its name cleared away, where nobody collects them', async () => {
    const { apiVersion = '', kind = '' } = await readyAgent();
    const name = 'support-left';
    const owner = { apiVersion, kind, name: 'support', uid: '11111111-1111-4111-8111-111111111111', controller: true };
    const labels = { 'cloister.dev/tenant': 'one' };
    await operator.cluster.create(kinds.configMaps, { metadata: { name, namespace, labels, ownerReferences: [owner] } });
    await edit({ instructions: 'Be brief.' });
    const left = async () => (await operator.cluster.get(kinds.configMaps, { name, namespace }))?.metadata;
    await until('it to be going', async () => (await left())?.deletionTimestamp !== undefined);
    await operator.cluster.patch(kinds.configMaps, { name, namespace }, { metadata: { finalizers: null } }); // nobody collects here
    expect(await left()).toBeUndefined();
  });

  test("that is edited all the time is rolled out at its tenant's pace, and in the end as it was edited last", async () => {
    await readyAgent();
    const { burst, perSecond } = configuration.tenantRollouts;
    const since = performance.now();
    for (let edition = 1; edition <= 5 * burst; edition++) await edit({ instructions: `Edition ${edition}.` });
    const told = await until('the last edition', async () => {
      const agent = await operator.cluster.get(kinds.agentConfigs, key);
      return agent?.status?.observedGeneration === agent?.metadata.generation && agent;
    });
    const rolledOut = await operator.cluster.get(kinds.deployments, key);
    expect(rolledOut?.metadata.labels?.['cloister.dev/revision']).toBe(told.status?.revision);
    // Its first edition is one of them. On a slow machine more of them fit into the time.
    const most = burst + Math.ceil(((performance.now() - since) / 1000) * perSecond) + 1;
    expect(rolledOut?.metadata.generation).toBeLessThanOrEqual(most);
    await world.agentReady('one', 'support');
  });

  test('keeps the old document and revision while the new one does not start', async () => {
    const good = await readyAgent();
    await operator.cluster.patch(kinds.deployments, key, { metadata: { annotations: { [frozen]: 'true' } } });
    await edit({ image: 'no/such:image' });
    const late = await until('the rollout', async () => {
      const agent = await operator.cluster.get(kinds.agentConfigs, key);
      return agent?.status?.revision !== good.status?.revision && agent;
    });
    expect(late.status?.lastGoodRevision).toBe(good.status?.revision);
    const status = {
      conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
      observedGeneration: 2,
      replicas: 2,
      updatedReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
    };
    const current = await operator.cluster.get(kinds.deployments, key);
    await operator.cluster.patch(
      kinds.deployments,
      key,
      { status: { ...status, observedGeneration: current?.metadata.generation } },
      { subresource: 'status' },
    );
    expect((await world.agentUnready('one', 'support', 'RolloutFailing')).message).toMatch(/pods that were ready before go on serving/);
    expect((await world.unready('one', 'AgentsNotReady')).message).toMatch(/support/);
    await edit({ image: null });
    await operator.cluster.patch(kinds.deployments, key, { metadata: { annotations: { [frozen]: null } } });
    expect((await world.agentReady('one', 'support')).status?.revision).toBe(good.status?.revision);
  });

  test('that names a model nobody allows keeps serving as before, and says what to choose', async () => {
    await readyAgent();
    const before = await deployment();
    await edit({ model: 'openai/gpt-5' });
    const { message } = await world.agentUnready('one', 'support', 'ModelNotAllowed');
    expect(message).toMatch(/spec\.model is "openai\/gpt-5".*choose one of op-offline\/echo/);
    expect(await deployment()).toBe(before);
  });

  test('follows as soon as its model is allowed', async () => {
    await world.tenant('one');
    await world.ready('one');
    await world.agent('one', 'support', { model: 'op-offline/other' });
    await world.agentUnready('one', 'support', 'ModelNotAllowed');
    expect(await operator.cluster.get(kinds.deployments, key)).toBeUndefined();
    await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { models: { allow: ['op-offline/*'] } } });
    await world.agentReady('one', 'support');
  });

  test.each<[string, Kind<BaseObject>]>([
    ['Deployment', kinds.deployments],
    ['Service', kinds.services],
  ])('gets its %s back when somebody deletes it', async (_, of) => {
    await readyAgent();
    const before = await operator.cluster.get(of, key);
    await operator.cluster.delete(of, key);
    await until(
      'it to be back',
      async () =>
        (await operator.cluster.get(of, key))?.metadata.uid !== before?.metadata.uid && (await operator.cluster.get(of, key)) !== undefined,
    );
  });

  test('outside any tenant is told where it belongs', async () => {
    await operator.cluster.create(kinds.agentConfigs, {
      metadata: { name: 'stray', namespace: 'default' },
      spec: { model: 'op-offline/echo' },
    });
    await until('its condition', async () => {
      const agent = await operator.cluster.get(kinds.agentConfigs, { name: 'stray', namespace: 'default' });
      return agent?.status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'NamespaceNotTenant');
    });
    await operator.cluster.delete(kinds.agentConfigs, { name: 'stray', namespace: 'default' });
  });
});

describe('the number of pods', () => {
  const replicas = async () => (await operator.cluster.get(kinds.deployments, key))?.spec.replicas;

  test('follows kubectl scale', async () => {
    await readyAgent();
    await operator.cluster.patch(kinds.agentConfigs, key, { spec: { replicas: 3 } }, { subresource: 'scale' });
    await until('three pods', async () => (await replicas()) === 3);
    await until('the budget for them', () => operator.cluster.get(kinds.podDisruptionBudgets, key));
  });

  test('stays as it is when an autoscaler takes over, and is then left to it', async () => {
    await readyAgent({ replicas: 4 });
    await operator.cluster.patch(kinds.agentConfigs, key, { spec: { replicas: null, scaling: { min: 2, max: 6 } } });
    await until('the autoscaler', () => operator.cluster.get(kinds.horizontalPodAutoscalers, key));
    await world.agentReady('one', 'support');
    expect(await replicas()).toBe(4);
    await operator.cluster.patch(kinds.deployments, key, { spec: { replicas: 5 } });
    await edit({ instructions: 'Be brief.' });
    await world.agentReady('one', 'support');
    expect(await replicas()).toBe(5);
  });

  test('is none while the tenant is suspended, and edge is told', async () => {
    await readyAgent();
    await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { state: 'Suspended' } });
    await until('no pods', async () => (await replicas()) === 0);
    await until('edge to be told', async () => (await policy()).state === 'Suspended');
    expect((await world.ready('one')).status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('Suspended');
    await operator.cluster.patch(kinds.tenants, { name: 'one' }, { spec: { state: 'Active' } });
    await until('its pod', async () => (await replicas()) === 1);
  });
});

test('new database credentials replace the pods that hold the old ones', async () => {
  const before = await readyAgent();
  await operator.cluster.delete(kinds.secrets, { name: 'database', namespace });
  await until('another revision', async () => {
    const agent = await world.agentReady('one', 'support');
    return agent.status?.revision !== before.status?.revision && agent;
  });
});

test('what was made for an agent ends when its AgentConfig is deleted without it', async () => {
  await readyAgent({ scaling: { min: 2, max: 3 } });
  const made: readonly Kind<BaseObject>[] = [
    kinds.horizontalPodAutoscalers,
    kinds.deployments,
    kinds.services,
    kinds.podDisruptionBudgets,
    kinds.configMaps,
  ];
  const theirs = async () =>
    (await Promise.all(made.map((kind) => operator.cluster.list(kind, { namespace, labelSelector: 'cloister.dev/agent=support' })))).flat();
  await until('one of each kind', async () => (await theirs()).length === made.length);
  await operator.cluster.delete(kinds.agentConfigs, key, { propagation: 'Orphan' });
  // As the garbage collector does, which does not run here.
  for (const object of await theirs())
    await operator.cluster.patch(made.find(({ kind }) => kind === object.kind) ?? kinds.configMaps, object.metadata, {
      metadata: { ownerReferences: null },
    });
  await operator.cluster.patch(kinds.agentConfigs, key, { metadata: { finalizers: null } });
  await until('nothing to be left', async () => (await theirs()).length === 0);
  expect(await operator.cluster.get(kinds.agentConfigs, key)).toBeUndefined();
});
