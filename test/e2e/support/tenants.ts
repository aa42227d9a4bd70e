/** Tenants made for one test file, each with one agent on the offline model, and taken away at its end. */
import { namespaceOf, tenantSecrets } from '@cloister/tenancy';
import { conditionOf, type AnyObject } from './kubectl.ts';
import { until } from './until.ts';
import { whyNotReady } from './why.ts';
import type { World } from './world.ts';

export const offlineModel = 'offline/echo';
export const baseDomain = 'cloister.localhost';

export interface TenantOptions {
  readonly name: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly agent?: Readonly<Record<string, unknown>>;
}

export interface LiveTenant {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  /** `http://<tenant host>:<port>`; append `/v1` for an OpenAI client. */
  readonly url: string;
  readonly key: string;
}

export const agentName = 'support';

export const testClassName = 'test';

/** Without the limits of the examples' classes, which tests would run into. */
const testClass = {
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'TenantClass',
  metadata: { name: testClassName },
  spec: { defaults: { models: { allow: ['offline/*'] }, quota: { cpu: '2', memory: '4Gi', pods: 20, agents: 5 } } },
};

export const tenantManifest = ({ name, spec = {} }: TenantOptions): object => ({
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'Tenant',
  metadata: { name },
  spec: { displayName: `Test ${name}`, classRef: { name: testClassName }, ...spec },
});

export const agentManifest = ({ name, agent = {} }: TenantOptions): object => ({
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'AgentConfig',
  metadata: { name: agentName, namespace: namespaceOf(name) },
  spec: { model: offlineModel, instructions: `You are the agent of ${name}.`, ...agent },
});

export const isReady = (object: AnyObject | undefined): boolean => {
  const ready = conditionOf(object, 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === object?.metadata.generation;
};

/** Of set-ups, which promise nothing: a machine whose disk or container runtime stands still for a minute is not what a test is about. */
const toBeReady = ({ kubectl }: World, namespace: string, every?: number) => ({
  within: 200_000,
  every,
  explain: () => whyNotReady(kubectl, namespace),
});

/** Waits for an agent of a tenant that is there. */
export const agentReady = (world: World, name: string, namespace: string, every?: number): Promise<true> =>
  until(
    `agent ${name} in ${namespace} to be Ready`,
    async () => isReady(await world.kubectl.get('agentconfig', name, namespace)),
    toBeReady(world, namespace, every),
  );

let applied: Promise<string> | undefined;
/** Once a file, since tenants that are made side by side would race to create it; other files that run beside this one may have been faster. */
const withTestClass = ({ kubectl }: World): Promise<string> =>
  (applied ??= until('the test class', () => kubectl.apply(testClass), { within: 10_000 }));

/** Applies a tenant, then its agent, and waits until both are Ready. `every`: milliseconds between two looks, for who measures. */
export async function createTenant(world: World, options: TenantOptions, every?: number): Promise<LiveTenant> {
  const { kubectl } = world;
  const { name } = options;
  const namespace = namespaceOf(name);
  await withTestClass(world);
  await kubectl.apply(tenantManifest(options));
  await until(`namespace ${namespace}`, () => kubectl.get('namespace', namespace), toBeReady(world, namespace, every));
  await kubectl.apply(agentManifest(options));
  await agentReady(world, agentName, namespace, every);
  await until(`tenant ${name} to be Ready`, async () => isReady(await kubectl.get('tenant', name)), toBeReady(world, namespace, every));
  const host = `${name}.${baseDomain}`;
  return { name, namespace, host, url: world.url(host), key: await secretValue(world, namespace, tenantSecrets.apiKey('default'), 'key') };
}

export async function deleteTenant({ kubectl }: World, name: string): Promise<void> {
  await kubectl.run(['delete', 'tenant', name, '--ignore-not-found', '--timeout=120s']);
}

export async function secretValue({ kubectl }: World, namespace: string, name: string, key: string): Promise<string> {
  const value = await until(
    `Secret ${namespace}/${name} with key ${key}`,
    async () => (await kubectl.get('secret', name, namespace))?.data?.[key],
    {
      within: 30_000,
    },
  );
  return Buffer.from(value, 'base64').toString('utf8');
}
