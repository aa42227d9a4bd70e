import { dataNameOf, namespaceOf, redisPrefixOf, tenantSecrets } from '@cloister/tenancy';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from './support/http.ts';
import { createTenant, deleteTenant, secretValue } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'leaving';
let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => deleteTenant(world, name));

/** Everything in Kubernetes that names the tenant. */
async function remains(): Promise<string[]> {
  const kinds = [
    'tenants',
    'agentconfigs',
    'namespaces',
    'pods',
    'deployments',
    'services',
    'configmaps',
    'secrets',
    'ingresses',
    'networkpolicies',
    'roles',
    'rolebindings',
  ];
  const found = await world.kubectl.list(kinds.join(','), ['-A']);
  return found
    .filter(
      ({ metadata }) =>
        metadata.namespace === namespaceOf(name) ||
        metadata.name === namespaceOf(name) ||
        metadata.labels?.['cloister.dev/tenant'] === name,
    )
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
}

async function inPostgres(): Promise<{ name: string }[]> {
  const client = new pg.Client(world.cluster.postgres);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "select rolname as name from pg_roles where rolname in ($1::text, $1 || '$a', $1 || '$b') union all select nspname from pg_namespace where nspname = $1",
      [dataNameOf(name)],
    );
    return rows;
  } finally {
    await client.end();
  }
}

async function inRedis(): Promise<string[]> {
  const redis = new Redis(world.cluster.redis.url);
  try {
    const users = z.array(z.string()).parse(await redis.call('acl', 'users'));
    return [...users.filter((user) => user.startsWith(dataNameOf(name))), ...(await redis.keys(`${redisPrefixOf(name)}*`))];
  } finally {
    redis.disconnect();
  }
}

const tenantEvent = z.object({ eventTime: z.string(), reason: z.string(), regarding: z.object({ uid: z.string() }) });

/** Reasons of the Events about an object, oldest first. */
async function eventsAbout(uid: string | undefined): Promise<string[]> {
  const events = (await world.kubectl.list('events.events.k8s.io', ['-A'])).flatMap((event) => tenantEvent.safeParse(event).data ?? []);
  const mine = events.filter(({ regarding }) => regarding.uid === uid);
  return mine.sort((a, b) => a.eventTime.localeCompare(b.eventTime)).map(({ reason }) => reason);
}

test('a deleted tenant leaves nothing behind, in order, and its successor starts clean', async () => {
  const first = await createTenant(world, { name });
  const said = await call(`${first.url}/api/v1/tenants/${name}/chat`, {
    method: 'POST',
    key: first.key,
    body: { message: 'remember this' },
  });
  expect(said.status, said.text).toBe(200);
  const uid = (await world.kubectl.get('tenant', name))?.metadata.uid;
  const password = await secretValue(world, first.namespace, tenantSecrets.database, 'url');
  expect(await inPostgres()).toHaveLength(3); // the owner, its login, its schema
  expect(await inRedis()).toHaveLength(1);

  await world.kubectl.run(['delete', 'tenant', name, '--timeout=120s']);
  expect(await remains()).toEqual([]);
  expect(await inPostgres()).toEqual([]);
  expect(await inRedis()).toEqual([]);

  const steps = ['StoppingAgents', 'DataDropped', 'AccessRevoked', 'DeletingNamespace'];
  const told = await until(
    'the Events of the deletion',
    async () => {
      const reasons = (await eventsAbout(uid)).filter((reason) => steps.includes(reason));
      return reasons.includes('DeletingNamespace') && reasons;
    },
    { within: 10_000 },
  );
  expect(told).toEqual(steps);

  const second = await createTenant(world, { name });
  expect(second.key).not.toBe(first.key);
  expect(await secretValue(world, second.namespace, tenantSecrets.database, 'url')).not.toBe(password);
  expect((await call(`${second.url}/v1/models`, { key: first.key })).status).toBe(401);
  const history = await call(`${second.url}/api/v1/tenants/${name}/chat`, { key: second.key });
  expect(history.status).toBe(200);
  expect(history.text).not.toContain('remember this');
});

test('a tenant whose creation never finished can be deleted', async () => {
  await world.kubectl.apply({
    apiVersion: 'cloister.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name: 'unfinished' },
    spec: { classRef: { name: 'no-such-class' } },
  });
  await deleteTenant(world, 'unfinished');
  expect(await world.kubectl.get('tenant', 'unfinished')).toBeUndefined();
});
