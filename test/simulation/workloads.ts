/** What people do to the operator. Each workload is run alone, with every fault in turn. To add one, add it to this list. */
import { annotations, labels } from '@cloister/tenancy';
import type { Change } from 'kube-model';
import * as kinds from '../../operator/src/kinds.ts';
import type { Configuration } from '../../operator/src/settings.ts';
import { acme, agents, established, namespace } from './acme.ts';
import { byHand } from './by-hand.ts';
import { orphans } from './orphans.ts';
import { modelsNamed, type Person } from './person.ts';
import { rollouts } from './rollouts.ts';
import { rotations } from './rotations.ts';
import type { World } from './world.ts';

export interface Scene {
  readonly person: Person;
  readonly world: World;
  /** Lets so many things happen, then goes on whatever the state. */
  readonly meanwhile: (steps: number) => Promise<void>;
}
export type Act = (scene: Scene) => Promise<void>;

export interface Workload {
  readonly name: string;
  /** What was there before, brought about without faults. Between two acts the world comes to rest. */
  readonly before: readonly Act[];
  /** What happens while things go wrong. */
  readonly acts: readonly Act[];
  /** Other tenants are concerned as well, such as by a Postgres that is away. */
  readonly concernsAll?: true;
  /** How old its credentials get; none is replaced by age otherwise. */
  readonly rotation?: Partial<Configuration['rotation']>;
  /** How long after it was begun to bring about `before` the acts follow; weeks otherwise. */
  readonly settledMs?: number;
  /** What must hold at any moment of it, whatever goes wrong: lines for people of what did not. */
  readonly problemsIn?: (changes: readonly Change[]) => string[];
}

const keyed = ['openai', 'second'];
const ownKey = (provider: string) => ({ provider, secretRef: { name: 'keys', key: provider } });

const lend: Act = ({ person }) =>
  person.create(kinds.namespaceKind, { name: namespace, labels: { [labels.tenant]: 'acme', team: 'blue' } });

const deletedMeanwhile = (when: string, steps: number): Workload => ({
  name: `a tenant is deleted ${when}`,
  before: [],
  acts: [
    async ({ person, meanwhile }) => {
      await person.tenant('acme');
      await meanwhile(steps);
      await person.remove(kinds.tenants, { name: 'acme' });
    },
  ],
});

export const workloads: readonly Workload[] = [
  { name: 'a tenant and its agents are created', before: [], acts: [acme, agents] },
  {
    name: 'an agent is edited',
    before: established,
    acts: [({ person }) => person.editAgent('acme', 'support', { instructions: 'Be brief.', model: 'offline/other' })],
  },
  {
    name: 'an agent is deleted',
    before: established,
    acts: [({ person }) => person.remove(kinds.agentConfigs, { name: 'sales', namespace })],
  },
  {
    name: "a tenant's quota is edited",
    before: established,
    acts: [({ person }) => person.editTenant('acme', { quota: { cpu: '3', pods: 12 }, rateLimits: { requestsPerMinute: 5 } })],
  },
  {
    name: 'owners and API keys come and go',
    before: established,
    acts: [
      ({ person }) =>
        person.editTenant('acme', {
          owners: [{ kind: 'Group', name: 'support-team', role: 'viewer' }],
          access: { apiKeys: [{ name: 'default', scopes: ['chat'] }, { name: 'second' }] },
        }),
      ({ person }) => person.editTenant('acme', { access: { apiKeys: [{ name: 'second' }] } }),
    ],
  },
  {
    name: 'a class changes',
    before: established,
    acts: [
      ({ person }) =>
        person.edit(
          kinds.tenantClasses,
          { name: 'starter' },
          { spec: { defaults: { quota: { memory: '2Gi' } }, nodeSelector: { pool: 'a' } } },
        ),
    ],
  },
  {
    name: 'a tenant gets another class',
    before: established,
    acts: [({ person }) => person.editTenant('acme', { classRef: { name: 'gold' } })],
  },
  {
    name: 'a provider drops a model, and offers it again',
    before: established,
    acts: [
      ({ person }) => person.edit(kinds.modelProviders, { name: 'offline' }, { spec: { models: modelsNamed('other') } }),
      ({ person }) => person.edit(kinds.modelProviders, { name: 'offline' }, { spec: { models: modelsNamed('echo', 'other') } }),
    ],
  },
  {
    name: 'a tenant is suspended, and active again',
    before: established,
    acts: [
      ({ person }) => person.editTenant('acme', { state: 'Suspended' }),
      ({ person }) => person.editTenant('acme', { state: 'Active' }),
    ],
  },
  {
    name: 'a tenant is archived, and active again',
    before: established,
    acts: [
      ({ person }) => person.editTenant('acme', { state: 'Archived' }),
      ({ person }) => person.editTenant('acme', { state: 'Active' }),
    ],
  },
  {
    name: 'a tenant whose data is retained is deleted',
    before: [({ person }) => person.tenant('acme', { deletionPolicy: 'Retain' }), agents],
    acts: [({ person }) => person.remove(kinds.tenants, { name: 'acme' })],
  },
  {
    name: 'a tenant is deleted',
    before: established,
    acts: [({ person }) => person.remove(kinds.tenants, { name: 'acme' })],
  },
  deletedMeanwhile('as soon as it is created', 3),
  deletedMeanwhile('while it is created', 12),
  deletedMeanwhile('right after it was created', 25),
  {
    name: 'a tenant is created again under the same name',
    before: established,
    acts: [({ person }) => person.remove(kinds.tenants, { name: 'acme' }), acme, agents],
  },
  {
    name: 'a tenant moves into a namespace that was lent to it, and out again',
    before: [lend],
    acts: [acme, agents, ({ person }) => person.remove(kinds.tenants, { name: 'acme' })],
  },
  {
    name: 'a namespace of the name is in the way, until it is handed over',
    before: [({ person }) => person.create(kinds.namespaceKind, { name: namespace })],
    acts: [
      acme,
      ({ person }) => person.edit(kinds.namespaceKind, { name: namespace }, { metadata: { labels: { [labels.tenant]: 'acme' } } }),
    ],
  },
  {
    name: "the namespace is deleted under the tenant's feet",
    before: established,
    acts: [({ person }) => person.remove(kinds.namespaceKind, { name: namespace })],
  },
  {
    name: 'an object that an agent needs belongs to another controller, until it goes',
    before: [
      acme,
      async ({ person, world }) => {
        await person.create(kinds.configMaps, { name: 'foreign', namespace });
        const uid = world.find('ConfigMap', 'foreign', namespace)?.metadata.uid;
        const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'foreign', uid, controller: true }];
        await person.create(kinds.services, { name: 'support', namespace, ownerReferences }, { spec: { ports: [{ port: 1 }] } });
      },
    ],
    acts: [agents, ({ person }) => person.remove(kinds.services, { name: 'support', namespace })],
  },
  ...byHand,
  {
    name: 'passwords, certificate and an API key are replaced by deleting their Secrets',
    before: established,
    acts: [
      async ({ person }) => {
        for (const name of ['database', 'redis', 'serving', 'api-key-default']) await person.remove(kinds.secrets, { name, namespace });
      },
    ],
  },
  {
    name: 'passwords are rotated on demand',
    before: established,
    acts: [({ person }) => person.edit(kinds.tenants, { name: 'acme' }, { metadata: { annotations: { [annotations.rotate]: 'first' } } })],
  },
  {
    name: 'an agent is scaled by a number, by a range, and by a number again',
    before: established,
    acts: [
      ({ person }) => person.editAgent('acme', 'support', { replicas: 3 }),
      ({ person }) => person.editAgent('acme', 'support', { replicas: null, scaling: { min: 2, max: 5 } }),
      ({ person }) => person.editAgent('acme', 'support', { replicas: 1, scaling: null }),
    ],
  },
  {
    name: 'a host goes from one tenant to another',
    before: [({ person }) => person.tenant('acme', { network: { host: 'chat.example' } })],
    acts: [
      ({ person }) => person.tenant('bravo', { network: { host: 'chat.example' } }),
      ({ person }) => person.editTenant('acme', { network: null }),
    ],
  },
  {
    name: 'a shared secret is missing, and is brought',
    before: established,
    acts: [
      ({ person }) => person.editTenant('acme', { access: { hs256: { secretRef: { name: 'jwt', key: 'secret' } } } }),
      ({ person }) =>
        person.create(kinds.secrets, { name: 'jwt', namespace }, { data: { secret: Buffer.from('s'.repeat(32)).toString('base64') } }),
    ],
  },
  {
    name: 'keys of its own for providers are missing, are brought, and are taken out of its spec one by one',
    before: [
      ...established,
      async ({ person }) => {
        for (const name of keyed)
          await person.create(kinds.modelProviders, { name }, { spec: { type: 'OpenAI', ownKeys: 'Required', models: modelsNamed('m') } });
      },
    ],
    acts: [
      ({ person }) => person.editTenant('acme', { providerKeys: keyed.map(ownKey) }),
      ({ person }) =>
        person.create(kinds.secrets, { name: 'keys', namespace }, { data: Object.fromEntries(keyed.map((key) => [key, 'c2stMQ=='])) }),
      ({ person }) => person.editTenant('acme', { providerKeys: keyed.slice(1).map(ownKey) }),
      ({ person }) => person.editTenant('acme', { providerKeys: null }),
    ],
  },
  {
    name: 'Postgres and Redis are away while a tenant is created',
    concernsAll: true,
    before: [],
    acts: [
      async ({ person, world, meanwhile }) => {
        world.data.away.postgres = true;
        world.data.away.redis = true;
        await person.tenant('acme');
        await meanwhile(200);
        world.data.away.postgres = false;
        await meanwhile(200);
        world.data.away.redis = false;
      },
    ],
  },
  ...rollouts,
  ...orphans,
  ...rotations,
];

/** @throws Error for a name that is none. */
export function workloadNamed(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (!found) throw new Error(`no workload is named "${name}"; expected one of: ${workloads.map((one) => one.name).join('; ')}`);
  return found;
}
