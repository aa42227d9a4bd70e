/** Rotation as the operator does it, on a real API server, Postgres and Redis: what is asked for, shown, and left alone. */
import { agentServiceAccount, annotations, labels, namespaces, systemSecrets } from '@cloister/tenancy';
import { Redis } from 'ioredis';
import { kind, pathOf, type KubeObject } from 'kube-runtime';
import pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as kinds from './kinds.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { TenantWorld } from './testing/tenants.fixture.ts';
import { until } from './testing/until.fixture.ts';

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

const podObjects = kind<kinds.Pod & KubeObject>('v1', 'Pod');

/** A pod such as the Deployment of an agent would make now. */
async function pod(name: string, credentials: string): Promise<void> {
  const container = { name: 'agent', image: 'localhost/none' };
  await operator.cluster.create(podObjects, {
    metadata: {
      name,
      namespace: 'tenant-one',
      labels: { [labels.tenant]: 'one', [labels.agent]: 'support' },
      annotations: { [annotations.credentials]: credentials },
    },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: agentServiceAccount,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        { ...container, securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }, resources: limits },
      ],
    },
  });
}
const limits = { limits: { cpu: '10m', memory: '16Mi' }, requests: { cpu: '10m', memory: '16Mi' } };

async function endPod(name: string): Promise<void> {
  const path = pathOf(podObjects, { name, namespace: 'tenant-one' });
  await operator.cluster.request({ method: 'DELETE', path, query: { gracePeriodSeconds: 0 } });
}

async function templateCredentials(): Promise<string> {
  const deployment = (await operator.cluster.get(kinds.deployments, { name: 'support', namespace: 'tenant-one' }))?.spec;
  const template = deployment && 'template' in deployment ? deployment.template : undefined;
  return /"cloister\.dev\/credentials":"(\w+)"/.exec(JSON.stringify(template))?.[1] ?? '';
}

const ask = (text: string) =>
  operator.cluster.patch(kinds.tenants, { name: 'one' }, { metadata: { annotations: { [annotations.rotate]: text } } });

async function usable(url: string | undefined): Promise<boolean> {
  if (url?.startsWith('redis')) {
    const client = new Redis(url, { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    client.on('error', () => undefined);
    return client
      .ping()
      .then(
        () => true,
        () => false,
      )
      .finally(() => client.disconnect());
  }
  const client = new pg.Client({ connectionString: url });
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  );
}

const credentials = async () => (await operator.cluster.get(kinds.tenants, { name: 'one' }))?.status?.credentials;

describe('a tenant whose credentials are to be replaced', () => {
  test('keeps the old ones until the last pod that started with them is gone; then they are refused', async () => {
    await world.tenant('one');
    await world.ready('one');
    await world.agent('one', 'support');
    await world.agentReady('one', 'support');
    const old = await world.secretsOf('one');
    const held = await templateCredentials();
    await pod('support-old', held);

    await ask('monday');
    await until('new credentials', async () => {
      const { database, redis } = await world.secretsOf('one');
      return database !== old['database'] && redis !== old['redis'];
    });
    const fresh = await world.secretsOf('one');
    await until('the agent to roll', async () => (await templateCredentials()) !== held);
    await until('the status to tell', async () => /of support/.test((await credentials())?.database?.waitingFor ?? ''));
    for (const url of [old['database'], old['redis'], fresh['database'], fresh['redis']]) expect(await usable(url)).toBe(true);

    await pod('support-new', await templateCredentials());
    await endPod('support-old');
    await until('the rotation to end', async () => {
      const now = await credentials();
      return now?.database && now.redis && !now.database.waitingFor && !now.redis.waitingFor;
    });
    for (const url of [old['database'], old['redis']]) expect(await usable(url)).toBe(false);
    for (const url of [fresh['database'], fresh['redis']]) expect(await usable(url)).toBe(true);
    expect(await credentials()).toMatchObject({ database: { madeFor: 'monday' }, redis: { madeFor: 'monday' } });
    expect(fresh['key']).toBe(old['key']);
    await until('the Events', async () => {
      const told = await world.eventReasons('one');
      return told.includes('CredentialsRotating') && told.includes('CredentialsRotated');
    });

    await pause(2_500); // longer than the operator waits between two looks at a rotation
    operator.writes();
    await pause(2_500);
    expect(operator.writes()).toEqual([]);
    await endPod('support-new');
  });

  test('is brought to the end by the next operator when this one dies in between', async () => {
    await world.tenant('one');
    await world.ready('one');
    const old = await world.secretsOf('one');
    await pod('support-old', 'credentials-of-before');
    await operator.restart(async () => {
      await ask('monday');
    });
    await until('new credentials', async () => (await world.secretsOf('one'))['database'] !== old['database']);
    await operator.restart(async () => {
      await endPod('support-old');
    });
    await until('the old ones to be refused', async () => !(await usable(old['database'])) && !(await usable(old['redis'])));
    const { database, redis } = await world.secretsOf('one');
    expect([await usable(database), await usable(redis)]).toEqual([true, true]);
  });
});

describe.each([systemSecrets.egressDatabase, systemSecrets.edgeRedis, systemSecrets.egressRedis])(
  "Cloister's own credential in Secret %s",
  (name) => {
    const url = () => world.secret(namespaces.system, name, 'url');

    test('is replaced when the Secret is annotated, and ended once nobody uses it any more', async () => {
      const old = await until('the credential', url);
      const session = name === systemSecrets.egressDatabase ? new pg.Client({ connectionString: old }) : undefined;
      session?.on('error', () => undefined);
      await session?.connect();
      await operator.cluster.patch(
        kinds.secrets,
        { name, namespace: namespaces.system },
        { metadata: { annotations: { [annotations.rotate]: `${Math.random()}` } } },
      );
      const fresh = await until('another', async () => {
        const now = await url();
        return now !== old && now;
      });
      expect(await usable(fresh)).toBe(true);
      if (session) {
        await pause(2_500); // longer than the settings let mounted copies follow
        await session.query('SELECT 1');
        await session.end();
      }
      await until('the old one to be refused', async () => !(await usable(old)), 15_000);
      expect(await usable(fresh)).toBe(true);
    });
  },
);
