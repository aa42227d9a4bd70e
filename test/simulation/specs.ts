/** Specs as people write them: right ones, ones that the schema lets through though they cannot be followed, and ones that it refuses. */
import fc from 'fast-check';

type Spec = Readonly<Record<string, unknown>>;
export type Sort = 'valid' | 'unfulfillable' | 'refused';

export interface Wish {
  readonly sort: Sort;
  readonly about: 'tenant' | 'agent';
  readonly spec: Spec;
}

const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const given = (spec: Spec): Spec => Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
const record = (parts: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Spec> => fc.record(parts).map(given);

const windowLimit = record({ usd: fc.integer({ min: 1, max: 99 }), tokens: some(fc.integer({ min: 0, max: 9999 })) });
const subject = fc.record({
  kind: fc.constantFrom('User', 'Group'),
  name: fc.constantFrom('ada', 'bob', 'carla'),
  role: fc.constantFrom('owner', 'editor', 'viewer'),
});

/** Every field of a Tenant, within what class "starter" allows. */
const tenantParts = {
  displayName: some(fc.constantFrom('Acme', 'Acme, Inc.')),
  classRef: some(fc.constantFrom({ name: 'starter' }, { name: 'gold' })),
  state: some(fc.constantFrom('Active', 'Suspended')),
  owners: some(fc.uniqueArray(subject, { maxLength: 3, selector: ({ name }) => name })),
  quota: some(
    record({
      cpu: some(fc.constantFrom(1, '2', '2500m')),
      memory: some(fc.constantFrom('2Gi', '4096Mi')),
      pods: some(fc.integer({ min: 8, max: 30 })),
    }),
  ),
  models: some(fc.constantFrom({ allow: ['offline/*'] }, { allow: ['offline/echo', 'offline/other'] })),
  budget: some(record({ daily: some(windowLimit), monthly: some(windowLimit), timeZone: some(fc.constantFrom('UTC', 'Europe/Vienna')) })),
  rateLimits: some(
    record({
      requestsPerMinute: some(fc.integer({ min: 1, max: 100 })),
      perUser: some(fc.record({ tokensPerMinute: fc.integer({ min: 1, max: 1000 }) })),
    }),
  ),
  access: some(
    record({
      apiKeys: fc.uniqueArray(fc.constantFrom('default', 'ci', 'ops'), { maxLength: 3 }).map((names) => names.map((name) => ({ name }))),
      oidc: some(fc.constant([{ issuer: 'https://issuer.example', audience: 'acme' }])),
    }),
  ),
  network: some(fc.constantFrom({ host: 'acme.example' }, { host: 'other.example' })),
  defaultAgent: some(fc.constantFrom('support', 'sales')),
};

const agentParts = {
  model: fc.constantFrom('offline/echo', 'offline/other'),
  fallbacks: some(fc.constant(['offline/other'])),
  instructions: some(fc.constantFrom('Be brief.', 'Be kind. {{date}}')),
  parameters: some(record({ temperature: some(fc.constantFrom(0, 0.5, 2)) })),
  memory: some(fc.record({ maxMessages: fc.integer({ min: 0, max: 50 }) })),
  budget: some(record({ daily: some(windowLimit) })),
  resources: some(
    record({
      requests: some(record({ cpu: some(fc.constantFrom('20m', '100m')) })),
      limits: some(record({ memory: some(fc.constantFrom('256Mi')) })),
    }),
  ),
  image: some(fc.constant('registry.example/agent:2')),
};
const size = fc.oneof(
  fc.constant({}),
  fc.integer({ min: 0, max: 3 }).map((replicas) => ({ replicas })),
  fc.constant({ scaling: { min: 1, max: 3 } }),
);

/** What the schema cannot know to be wrong. */
const unfulfillableTenant: readonly Spec[] = [
  { classRef: { name: 'ghost' } },
  { models: { allow: ['nobody/knows'] } },
  { network: { host: 'taken.example' } },
  { quota: { cpu: '64' } },
  { quota: { pods: 2 } },
  { quota: { agents: 1 } },
  { access: { hs256: { secretRef: { name: 'ghost', key: 'secret' } } } },
  { access: { hs256: { secretRef: { name: 'database', key: 'ghost' } } } },
  { providerKeys: [{ provider: 'offline', secretRef: { name: 'ghost', key: 'key' } }] },
  { providerKeys: [{ provider: 'ghost', secretRef: { name: 'keys', key: 'key' } }] },
  { budget: { timeZone: 'Mars/Olympus' } },
  { defaultAgent: 'ghost' },
  { access: { oidc: [{ issuer: 'https://issuer.example', audience: 'taken' }] } },
];
const unfulfillableAgent: readonly Spec[] = [
  { model: 'nobody/knows' },
  { fallbacks: ['nobody/knows'] },
  { settings: { models: ['offline/echo', 'nobody/knows'] } },
  { replicas: 90 },
];
const refusedTenant: readonly Spec[] = [
  { state: 'Dead' },
  { classRef: 'starter' },
  { classRef: { name: 'No Name' } },
  { quota: { pods: 1 } },
  { quota: { cpu: 'lots' } },
  { owners: [{ kind: 'Robot', name: 'r', role: 'owner' }] },
  { models: { allow: ['no-slash'] } },
  { rateLimits: { requestsPerMinute: -1 } },
  { network: { host: 'http://acme.example' } },
  { access: { oidc: [{ issuer: 'http://insecure.example', audience: 'a' }] } },
  { access: { apiKeys: [{ name: 'Not A Label' }] } },
  { providerKeys: [{ provider: '', secretRef: { name: 'keys', key: 'key' } }] },
  { providerKeys: [{ provider: 'openai' }] },
];
const refusedAgent: readonly Spec[] = [
  { model: 7 },
  { model: 'no-slash' },
  { replicas: -1 },
  { replicas: 1.5 },
  { parameters: { temperature: 3 } },
  { memory: { maxMessages: 'many' } },
  { image: 'with space' },
  { scaling: { min: 0, max: 2 } },
];

const tenant = record(tenantParts);
const agent = fc.tuple(record(agentParts), size).map(([spec, pods]) => ({ ...spec, ...pods }));
const spoiled = (spec: fc.Arbitrary<Spec>, flaws: readonly Spec[]) =>
  fc.tuple(spec, fc.constantFrom(...flaws)).map(([good, flaw]) => ({ ...good, ...flaw }));

const wish = (sort: Sort, about: Wish['about'], spec: fc.Arbitrary<Spec>) => spec.map((value): Wish => ({ sort, about, spec: value }));

export const wishes: fc.Arbitrary<Wish> = fc.oneof(
  wish('valid', 'tenant', tenant),
  wish('valid', 'agent', agent),
  wish('unfulfillable', 'tenant', spoiled(tenant, unfulfillableTenant)),
  wish('unfulfillable', 'agent', spoiled(agent, unfulfillableAgent)),
  wish('refused', 'tenant', spoiled(tenant, refusedTenant)),
  wish('refused', 'agent', spoiled(agent, refusedAgent)),
);
