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
      'select rolname as name from pg_roles where rolname = $1 union all select nspname from pg_namespace where nspname = $1',
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
    return [...users.filter((user) => user === dataNameOf(name)), ...(await redis.keys(`${redisPrefixOf(name)}*`))];
  } finally {
    redis.disconnect();
  }
}

test('a deleted tenant leaves nothing behind, in order, and its successor starts clean', async () => {
  const first = await createTenant(world, { name });
  const said = await call(`${first.url}/api/v1/tenants/${name}/chat`, {
    method: 'POST',
    key: first.key,
    body: { message: 'remember this' },
  });
  expect(said.status, said.text).toBe(200);
  const password = await secretValue(world, first.namespace, tenantSecrets.database, 'url');
  expect(await inPostgres()).toHaveLength(2);
  expect(await inRedis()).toHaveLength(1);

  await world.kubectl.run(['delete', 'tenant', name, '--timeout=120s']);
  expect(await remains()).toEqual([]);
  expect(await inPostgres()).toEqual([]);
  expect(await inRedis()).toEqual([]);

  const told = await until(
    'the Events of the deletion',
    async () => {
      const events = await world.kubectl.list('events.events.k8s.io', ['-A', '--sort-by=.metadata.creationTimestamp']);
      const mine = events.filter(
        (event) => z.object({ name: z.string(), kind: z.string() }).safeParse(event['regarding']).data?.name === name,
      );
      const reasons = mine.map((event) => String(event['reason']));
      return reasons.includes('DeletingNamespace') ? reasons : undefined;
    },
    { within: 10_000 },
  );
  const order = ['StoppingAgents', 'DataDropped', 'AccessRevoked', 'DeletingNamespace'];
  expect(told.filter((reason) => order.includes(reason))).toEqual(order);

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
