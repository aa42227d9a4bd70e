/** A tenant is suspended, archived and brought back: its callers, its data and its keys, as they are seen from outside. */
import { tenantSecrets } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentName, createTenant, deleteTenant, isReady, secretValue, type LiveTenant } from './support/tenants.ts';
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
