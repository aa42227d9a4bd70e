/** A tenant that is suspended, archived and brought back, and an agent that is not there: callers, data and keys, as they are seen from outside. */
import { namespaces, tenantSecrets } from '@cloister/tenancy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, type Answer } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentManifest, agentName, createTenant, deleteTenant, isReady, secretValue, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const within = 60_000;

let world: World;
let tenant: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  tenant = await createTenant(world, { name: 'states' });
});
afterAll(() => deleteTenant(world, 'states'));

const chat = (body: object) => call(`${tenant.url}/api/v1/tenants/states/chat`, { method: 'POST', key: tenant.key, body });
const models = (key = tenant.key) => call(`${tenant.url}/v1/models`, { key });

async function become(state: 'Active' | 'Suspended' | 'Archived'): Promise<void> {
  const { kubectl } = world;
  await kubectl.run(['patch', 'tenant', 'states', '--type=merge', '-p', JSON.stringify({ spec: { state } })]);
  const reason = state === 'Active' ? 'Ready' : state;
  const says = (object: Parameters<typeof isReady>[0]) => isReady(object) && conditionOf(object, 'Ready')?.reason === reason;
  await until(`the tenant to be ${state}`, async () => says(await kubectl.get('tenant', 'states')), { within });
  await until(`its agent to say so`, async () => says(await kubectl.get('agentconfig', agentName, tenant.namespace)), { within });
}

const pods = async () => world.kubectl.list('pod', ['-n', tenant.namespace]);

test('suspended, archived and active again, a tenant has its data and keys, and meanwhile nobody gets in', async () => {
  const said = await chat({ message: 'remember the word walnut' });
  expect(said.status).toBe(200);
  const { conversationId } = JSON.parse(said.text) as { conversationId: string };
  const ask = async () => (await chat({ conversationId, message: 'go on' })).status;

  await become('Suspended');
  const suspended = await until(
    'the refusal',
    async () => {
      const answer = await models();
      return answer.status === 503 && answer;
    },
    { within },
  );
  expect(suspended.text).toMatch(/this tenant is suspended/);
  expect(Number(suspended.headers['retry-after'])).toBeGreaterThan(0);
  await until('its pods to end', async () => (await pods()).length === 0, { within });

  await become('Archived');
  expect(await world.kubectl.get('ingress', 'tenant-states', 'cloister-system')).toBeUndefined();
  expect(await world.kubectl.get('deployment', agentName, tenant.namespace)).toBeUndefined();
  await until('nobody to be served', async () => (await models()).status !== 503 && (await models()).status !== 200, { within });

  await become('Active');
  expect(await secretValue(world, tenant.namespace, tenantSecrets.apiKey('default'), 'key')).toBe(tenant.key);
  await until('the conversation to go on', async () => (await ask()) === 200, { within });
});

describe('an agent that is not there', () => {
  const name = 'away';
  const manifest = (agent: Readonly<Record<string, unknown>>) => ({
    ...agentManifest({ name: 'states', agent }),
    metadata: { name, namespace: tenant.namespace },
  });
  const ask = (agent = name) => {
    const body = { messages: [{ role: 'user', content: 'say 2 words' }] };
    return call(`${tenant.url}/agents/${agent}/v1/chat/completions`, { method: 'POST', key: tenant.key, body });
  };
  const told = ({ status, headers, text }: Answer) => ({
    status,
    code: /"code":"(\w+)"/.exec(text)?.[1],
    retryAfter: headers['retry-after'],
  });
  const retryAfter: unknown = expect.stringMatching(/^[1-8]$/);
  const unavailable = { status: 503, code: 'agent_unavailable', retryAfter };
  const zero = { status: 503, code: 'agent_scaled_to_zero', retryAfter: undefined };
  /** What else is answered before. */
  const untilItAnswers = async () => {
    const refusals: unknown[] = [];
    const answered = async () => {
      const answer = await ask();
      if (answer.status !== 200) refusals.push(told(answer));
      return answer.status === 200;
    };
    await until('it to answer', answered, { within: 90_000 });
    return refusals;
  };

  test('because it does not come up is refused with a time to try again, is left alone, and answers once it is mended; others answer all along', async () => {
    await world.kubectl.apply(manifest({ image: 'registry.invalid/agents/none:1' }));
    await until('edge to know it', async () => (await ask()).status === 503, { within });
    for (let turn = 0; turn < 10; turn++) {
      expect(told(await ask())).toEqual(unavailable);
      expect((await ask(agentName)).status).toBe(200);
    }
    const log = await world.kubectl.run(['logs', '-n', namespaces.system, 'deployment/edge', '--since=2m']);
    const alone = log.split('\n').filter((line) => line.includes('"circuitOpen":true') && line.includes('"tenant":"states"'));
    expect(alone.length).toBeGreaterThan(0);
    for (const line of alone) expect(line).toContain(`"agent":"${name}"`);

    await world.kubectl.apply(manifest({}));
    for (const refusal of await untilItAnswers()) expect(refusal).toEqual(unavailable);
  });

  test('because it is scaled to zero says so, without a time to try again, and answers once it is wanted again', async () => {
    const scaleTo = (replicas: number) =>
      world.kubectl.run(['scale', 'agentconfig', name, '-n', tenant.namespace, `--replicas=${replicas}`]);
    await scaleTo(0);
    await until('edge to know it', async () => told(await ask()).code === zero.code, { within });
    expect(told(await ask())).toEqual(zero);
    expect((await ask(agentName)).status).toBe(200);
    await scaleTo(1);
    for (const refusal of await untilItAnswers()) expect([zero, unavailable]).toContainEqual(refusal);
  });
});
