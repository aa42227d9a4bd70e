/** A class that changes for the worse while its tenants are in use: the canary shows it, the others never notice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './support/http.ts';
import { conditionOf } from './support/kubectl.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const className = 'rolling';
const names = ['roll-a', 'roll-b', 'roll-canary'];
const within = 90_000;
const rollout = { waveSize: 1, unreadySeconds: 1, canary: { matchLabels: { canary: 'yes' } } };
const good = { defaults: { models: { allow: ['offline/*'] } }, rollout };

let world: World;
let tenants: LiveTenant[];
beforeAll(async () => {
  world = await openWorld();
  await setClass(good);
  tenants = await Promise.all(names.map((name) => createTenant(world, { name, spec: { classRef: { name: className } } })));
  await world.kubectl.run(['label', 'tenant', 'roll-canary', 'canary=yes']);
});
afterAll(async () => {
  await Promise.all(names.map((name) => deleteTenant(world, name)));
  await world.kubectl.run(['delete', 'tenantclass', className, '--ignore-not-found']);
});

const setClass = (spec: object) =>
  world.kubectl.apply({ apiVersion: 'cloister.dev/v1alpha1', kind: 'TenantClass', metadata: { name: className }, spec });

const classIs = (reason: string) =>
  until(
    `the class to be ${reason}`,
    async () => {
      const seen = await world.kubectl.get('tenantclass', className);
      const ready = conditionOf(seen, 'Ready');
      return ready?.observedGeneration === seen?.metadata.generation && ready?.reason === reason;
    },
    { within },
  );

const ask = ({ url, key }: LiveTenant) =>
  call(`${url}/v1/chat/completions`, { method: 'POST', key, body: { model: agentName, messages: [{ role: 'user', content: 'hello' }] } });

test('pods that no node takes stop the rollout at the canary; editing back heals it; every tenant serves throughout', async () => {
  const failures: string[] = [];
  const ending = new AbortController();
  const callers = tenants.map(async (tenant) => {
    while (!ending.signal.aborted) {
      const answer = await ask(tenant);
      if (answer.status !== 200) failures.push(`${tenant.name}: ${answer.status} ${answer.text}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  await setClass({ ...good, nodeSelector: { 'example.com/no-node': 'has-this' } });
  await classIs('RolloutStopped');
  const revisions = await Promise.all(names.map(async (name) => (await world.kubectl.get('tenant', name))?.status?.['classRevision']));
  expect(revisions[0]).toBe(revisions[1]);
  expect(revisions[2]).not.toBe(revisions[0]);

  await setClass(good);
  await world.kubectl.run([
    'wait',
    '--for=condition=Ready',
    `tenantclass/${className}`,
    ...names.map((name) => `tenant/${name}`),
    '--timeout=90s',
  ]);
  const quota = { cpu: '1500m', memory: '4Gi', pods: 10, agents: 3 };
  await setClass({ ...good, defaults: { ...good.defaults, quota } });
  await classIs('Ready');
  await until(
    'the new quota everywhere',
    async () => {
      const quotas = await Promise.all(tenants.map(({ namespace }) => world.kubectl.get('resourcequota', 'tenant', namespace)));
      return quotas.every((one) => JSON.stringify(one?.spec).includes('"requests.cpu":"1500m"'));
    },
    { within },
  );
  ending.abort();
  await Promise.all(callers);
  expect(failures).toEqual([]);
});
