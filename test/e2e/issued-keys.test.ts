/** Keys that a tenant's administrator has edge make and take away: by the Ingress, by edge's own rights, gone with the Tenant. */
import { hashApiKey } from '@cloister/identity';
import { issuedKeyObjectName, namespaces } from '@cloister/tenancy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from './support/http.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'issuing';
/** Milliseconds: what edge promises of a key that is issued or revoked. */
const promised = 1_000;
const issued = z.looseObject({ id: z.string(), key: z.string() });

let world: World;
let tenant: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  tenant = await createTenant(world, { name, spec: { access: { apiKeys: [{ name: 'default', scopes: ['chat', 'admin'] }] } } });
});
afterAll(() => deleteTenant(world, name));

const keysURL = () => `${tenant.url}/api/v1/tenants/${name}/keys`;
const ask = (key: string, body: object) => call(keysURL(), { method: 'POST', key, body });
const issue = async (wish: object = {}) => {
  const answer = await ask(tenant.key, { name: 'website', scopes: ['chat'], ...wish });
  expect(answer.status, answer.text).toBe(201);
  return issued.parse(JSON.parse(answer.text));
};
const revoke = (id: string, key = tenant.key) => call(`${keysURL()}/${id}`, { method: 'DELETE', key });
const chat = (key: string) =>
  call(`${tenant.url}/v1/chat/completions`, {
    method: 'POST',
    key,
    body: { model: agentName, messages: [{ role: 'user', content: 'hello' }] },
  });
const secretOf = (id: string) => world.kubectl.get('secret', issuedKeyObjectName(name, id), namespaces.keys);
/** Several at once, so that each replica of edge is likely to be asked. */
const statuses = (key: string) =>
  Promise.all(Array.from({ length: 8 }, async () => (await call(`${tenant.url}/v1/models`, { key })).status));
const soon = (key: string, status: number) =>
  until(`${status} for the key`, async () => (await statuses(key)).every((seen) => seen === status), { within: promised, every: 10 });

test('a key is issued, calls the agent, is revoked, and is refused within a second and from then on', async () => {
  const { id, key } = await issue();
  await soon(key, 200);
  const answer = await chat(key);
  expect(answer.status, answer.text).toBe(200);

  expect((await revoke(id)).status).toBe(204);
  await soon(key, 401);
  expect((await chat(key)).status).toBe(401);
  expect(await secretOf(id)).toBeUndefined();
  expect((await revoke(id)).status).toBe(404);
  expect((await call(`${tenant.url}/v1/models`, { key: tenant.key })).status).toBe(200);
});

test('what is kept of a key opens nothing, and is the Tenant’s', async () => {
  const { id, key } = await issue({ rateLimits: { requestsPerMinute: 6_000 } });
  const kept = await secretOf(id);
  expect(kept?.metadata).toMatchObject({
    ownerReferences: [{ kind: 'Tenant', name, uid: (await world.kubectl.get('tenant', name))?.metadata.uid }],
  });
  const text = [
    JSON.stringify(kept),
    ...Object.values(kept?.data ?? {}).map((data) => Buffer.from(data, 'base64').toString('utf8')),
  ].join();
  expect(text).toContain(hashApiKey(key));
  expect(text).not.toContain(key.slice(-64));
});

test('a key gives no more than it has', async () => {
  const { key } = await issue({ scopes: ['chat', 'admin'], expiresAt: '2099-01-01T00:00:00Z', rateLimits: { requestsPerMinute: 6_000 } });
  await soon(key, 200);
  const refusals = await Promise.all(
    [
      { name: 'more', scopes: ['settings'] },
      { name: 'longer', scopes: ['chat'], expiresAt: '2099-01-02T00:00:00Z' },
      { name: 'faster', scopes: ['chat'], rateLimits: { requestsPerMinute: 6_001 } },
    ].map(async (wish) => (await ask(key, wish)).status),
  );
  expect(refusals).toEqual([403, 400, 400]);
  const child = await ask(key, { name: 'child', scopes: ['chat'] });
  expect(child.status, child.text).toBe(201);
  expect(JSON.parse(child.text)).toMatchObject({ expiresAt: '2099-01-01T00:00:00.000Z', rateLimits: { requestsPerMinute: 6_000 } });
});

test('with the Tenant go its keys', async () => {
  const { id, key } = await issue();
  await soon(key, 200);
  await deleteTenant(world, name);
  await until('the key to be collected', async () => (await secretOf(id)) === undefined, { within: 60_000 });
  expect((await call(`${world.cluster.ingressURL}/v1/models`, { key })).status).toBe(401);
});
