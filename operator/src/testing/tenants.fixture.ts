/** What tests say about tenants, in their own words. */
import { apiVersion, dataNameOf, namespaceOf, namespaces, tenantObjectName, tenantSecrets } from '@cloister/tenancy';
import { Redis } from 'ioredis';
import { findCondition, kind, type BaseObject, type Cluster, type Condition, type Kind } from 'kube-runtime';
import pg from 'pg';
import { fromBase64 } from '../child.ts';
import { loginsOf } from '../data/logins.ts';
import * as kinds from '../kinds.ts';
import { isReady } from '../status/conditions.ts';
import { inTurn, testPostgres, testRedisURL } from './servers.fixture.ts';
import { until } from './until.fixture.ts';

const events = kind('events.k8s.io/v1', 'Event');

export class TenantWorld {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** A provider and a default class. */
  async prepare(): Promise<void> {
    const price = { inputPerMillion: 1, outputPerMillion: 1 };
    const models = ['echo', 'other'].map((name) => ({ name, contextWindow: 1000, maxOutputTokens: 100, price }));
    await this.#cluster.apply(kinds.modelProviders, { metadata: { name: 'op-offline' }, spec: { type: 'Offline', models } });
    await this.#cluster.apply(kinds.tenantClasses, {
      metadata: { name: 'op-starter' },
      spec: { default: true, defaults: { models: { allow: ['op-offline/echo'] } }, ceilings: { quota: { cpu: 2 } } },
    });
  }

  async tenant(name: string, spec: object = {}): Promise<void> {
    await this.#cluster.create(kinds.tenants, { apiVersion, metadata: { name }, spec });
  }

  async agent(tenant: string, name: string, spec: object = {}): Promise<void> {
    await this.#cluster.create(kinds.agentConfigs, {
      metadata: { name, namespace: namespaceOf(tenant) },
      spec: { model: 'op-offline/echo', ...spec },
    });
  }

  ready(name: string): Promise<kinds.Tenant> {
    return this.#settled(kinds.tenants, { name });
  }

  agentReady(tenant: string, name: string): Promise<kinds.AgentConfig> {
    return this.#settled(kinds.agentConfigs, { name, namespace: namespaceOf(tenant) });
  }

  unready(name: string, reason: string): Promise<Condition> {
    return this.#unready(kinds.tenants, { name }, reason);
  }

  agentUnready(tenant: string, name: string, reason: string): Promise<Condition> {
    return this.#unready(kinds.agentConfigs, { name, namespace: namespaceOf(tenant) }, reason);
  }

  async gone(name: string): Promise<void> {
    await until(`Tenant ${name} to be gone`, async () => !(await this.#cluster.get(kinds.tenants, { name })));
  }

  get<T extends BaseObject>(of: Kind<T>, namespace: string | undefined, name: string): Promise<T | undefined> {
    return this.#cluster.get(of, { name, namespace });
  }

  async secret(namespace: string, name: string, key: string): Promise<string | undefined> {
    return fromBase64((await this.get(kinds.secrets, namespace, name))?.data?.[key]);
  }

  async secretsOf(tenant: string): Promise<Record<string, string | undefined>> {
    const namespace = namespaceOf(tenant);
    return {
      database: await this.secret(namespace, tenantSecrets.database, 'url'),
      redis: await this.secret(namespace, tenantSecrets.redis, 'url'),
      key: await this.secret(namespace, tenantSecrets.apiKey('default'), 'key'),
    };
  }

  async eventReasons(tenant: string): Promise<unknown[]> {
    const all = await this.#cluster.list(events, { fieldSelector: `regarding.name=${tenant}` });
    return all.map((event) => event['reason']);
  }

  /** What the last Event for this reason says. */
  async eventNote(tenant: string, reason: string): Promise<string | undefined> {
    return (await this.eventNotes(tenant, reason))[0];
  }

  /** What each Event for this reason says, in no order. */
  async eventNotes(tenant: string, reason: string): Promise<string[]> {
    const all = await this.#cluster.list(events, { fieldSelector: `regarding.name=${tenant}` });
    return all.filter((event) => event['reason'] === reason).map((event) => String(event['note']));
  }

  /** What Postgres and Redis still hold. */
  async dataOf(tenant: string): Promise<{ roles: number; schemas: number; users: number }> {
    const name = dataNameOf(tenant);
    const client = new pg.Client({ ...testPostgres() });
    await client.connect();
    const roles = await client.query('SELECT 1 FROM pg_roles WHERE rolname = ANY ($1)', [loginsOf(name)]);
    const schemas = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [name]);
    await client.end();
    const redis = new Redis(testRedisURL().href);
    const users = await Promise.all(loginsOf(name).map((login) => redis.call('ACL', 'GETUSER', login)));
    redis.disconnect();
    return { roles: roles.rowCount ?? 0, schemas: schemas.rowCount ?? 0, users: users.filter((user) => user !== null).length };
  }

  /** What happens when somebody takes the finalizer off by force and the garbage collector follows; Postgres and Redis keep their part. */
  async forceAway(tenant: string): Promise<void> {
    await this.#cluster.delete(kinds.tenants, { name: tenant });
    await this.#cluster.patch(kinds.tenants, { name: tenant }, { metadata: { finalizers: null } });
    await this.#cluster.delete(kinds.namespaceKind, { name: namespaceOf(tenant) });
    const name = tenantObjectName(tenant);
    await this.#cluster.delete(kinds.ingresses, { name, namespace: namespaces.system });
    await this.#cluster.delete(kinds.configMaps, { name, namespace: namespaces.system });
    for (const namespace of [namespaces.access, namespaces.ownKeys]) await this.#cluster.delete(kinds.secrets, { name, namespace });
    await until('the namespace to be gone', async () => !(await this.get(kinds.namespaceKind, undefined, namespaceOf(tenant))));
  }

  /** By an administrator's hand. */
  async dropData(tenant: string): Promise<void> {
    const name = pg.escapeIdentifier(dataNameOf(tenant));
    await this.inPostgres(inTurn(`DROP SCHEMA ${name} CASCADE; DROP OWNED BY ${name}; DROP ROLE ${name}`));
  }

  /** As the administrator. */
  async inPostgres(statements: string): Promise<void> {
    const client = new pg.Client({ ...testPostgres() });
    await client.connect();
    try {
      await client.query(statements);
    } finally {
      await client.end();
    }
  }

  async removeTenants(): Promise<void> {
    const all = await this.#cluster.list(kinds.tenants);
    for (const tenant of all) await this.#cluster.delete(kinds.tenants, tenant);
    for (const tenant of all) await this.gone(tenant.metadata.name);
  }

  async removeAll(): Promise<void> {
    await this.removeTenants();
    await this.#cluster.delete(kinds.modelProviders, { name: 'op-offline' });
    await this.#cluster.delete(kinds.tenantClasses, { name: 'op-starter' });
  }

  async #settled<T extends kinds.Tenant | kinds.AgentConfig>(of: Kind<T>, key: { name: string; namespace?: string }): Promise<T> {
    return until(`${of.kind} ${key.name} to be Ready`, async () => {
      const object = await this.#cluster.get(of, key);
      const current = object?.status?.observedGeneration === object?.metadata.generation;
      return current && isReady(object?.status?.conditions) && object;
    });
  }

  async #unready<T extends kinds.Tenant | kinds.AgentConfig>(
    of: Kind<T>,
    key: { name: string; namespace?: string },
    reason: string,
  ): Promise<Condition> {
    return until(`${of.kind} ${key.name} not to be Ready for ${reason}`, async () => {
      const ready = findCondition((await this.#cluster.get(of, key))?.status?.conditions, 'Ready');
      return ready?.status === 'False' && ready.reason === reason && ready;
    });
  }
}
