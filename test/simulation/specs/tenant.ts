import fc from 'fast-check';
import { budget, egress, keyRateLimits, models, quota, rateLimits, responseCache, windows } from './limits.ts';
import { record, some, type Spec, type Wishes } from './wish.ts';

const subject = fc.oneof(
  fc.record({
    kind: fc.constantFrom('User', 'Group'),
    name: fc.constantFrom('ada', 'bob', 'carla'),
    role: fc.constantFrom('owner', 'editor', 'viewer'),
  }),
  fc.constant({ kind: 'ServiceAccount', name: 'robot', namespace: 'ci', role: 'editor' }),
);

const scopes = fc.constantFrom(['chat'], ['chat', 'settings'], ['usage', 'admin']);
const roles = fc.constant({ claim: 'groups', values: [{ value: 'staff', role: 'owner' }] });

const apiKey = (name: string) =>
  record({
    name: fc.constant(name),
    scopes: some(scopes),
    expiresAt: some(fc.constantFrom('2020-01-01T00:00:00Z', '2040-01-01T00:00:00Z')),
    rateLimits: some(keyRateLimits),
    budget: some(record(windows)),
  });

const access = record({
  apiKeys: some(fc.subarray(['default', 'ci', 'ops']).chain((names) => fc.tuple(...names.map(apiKey)))),
  oidc: some(
    record({
      issuer: fc.constant('https://issuer.example'),
      audience: fc.constant('acme'),
      tenantClaim: some(fc.constant('org.id')),
      scopes: some(scopes),
      roles: some(roles),
    }).map((issuer) => [issuer]),
  ),
  hs256: some(record({ secretRef: fc.constant({ name: 'jwt', key: 'secret' }), scopes: some(scopes), roles: some(roles) })),
});

const split = record({ name: fc.constant('chat'), agents: fc.constant([{ name: 'support', weight: 9 }, { name: 'sales' }]) });

/** Every field. `pin` is a revision of class "starter" that there is. */
const valid = (pin: string): fc.Arbitrary<Spec> =>
  record({
    displayName: some(fc.constantFrom('Acme', 'Acme, Inc.')),
    classRef: some(fc.constantFrom({ name: 'starter' }, { name: 'gold' }, { name: 'starter', revision: pin })),
    state: some(fc.constantFrom('Active', 'Active', 'Suspended', 'Archived')),
    deletionPolicy: some(fc.constantFrom('Delete', 'Retain')),
    owners: some(fc.uniqueArray(subject, { maxLength: 3, selector: ({ name }) => name })),
    quota: some(quota),
    models: some(models),
    providerKeys: some(fc.tuple(record({ writableByOwners: some(fc.boolean()) })).map(([more]) => [{ ...ownKey, ...more }])),
    budget: some(budget),
    rateLimits: some(rateLimits),
    responseCache: some(responseCache),
    access: some(access),
    network: some(record({ host: some(fc.constantFrom('acme.example', 'other.example')), egress: some(egress) })),
    defaultAgent: some(fc.constantFrom('support', 'sales')),
    trafficSplits: some(fc.tuple(split)),
  });

const ownKey = { provider: 'openai', secretRef: { name: 'keys', key: 'openai' } };

/** What the schema cannot know to be wrong. */
const unfulfillable: readonly Spec[] = [
  { classRef: { name: 'ghost' } },
  { classRef: { name: 'starter', revision: 'ghost' } },
  { models: { allow: ['nobody/knows'] } },
  { network: { host: 'taken.example' } },
  { classRef: { name: 'starter' }, quota: { cpu: '64' } },
  { quota: { agents: 1 }, state: 'Active' },
  { access: { hs256: { secretRef: { name: 'ghost', key: 'secret' } } } },
  { access: { hs256: { secretRef: { name: 'keys', key: 'ghost' } } } },
  { providerKeys: [{ provider: 'offline', secretRef: { name: 'keys', key: 'openai' } }] },
  { providerKeys: [{ provider: 'openai', secretRef: { name: 'ghost', key: 'key' } }] },
  { providerKeys: [{ provider: 'ghost', secretRef: { name: 'keys', key: 'openai' } }] },
  { budget: { timeZone: 'Mars/Olympus' } },
  { budget: { downgradeTo: ['nobody/knows'] } },
  { defaultAgent: 'ghost' },
  { trafficSplits: [{ name: 'chat', agents: [{ name: 'ghost' }] }] },
  { access: { oidc: [{ issuer: 'https://issuer.example', audience: 'taken' }] } },
];

const refused: readonly Spec[] = [
  { state: 'Dead' },
  { classRef: 'starter' },
  { classRef: { name: 'No Name' } },
  { classRef: { name: 'starter', revision: 7 } },
  { deletionPolicy: 'Forget' },
  { quota: { pods: 1 } },
  { quota: { cpu: 'lots' } },
  { owners: [{ kind: 'Robot', name: 'r', role: 'owner' }] },
  { models: { allow: ['no-slash'] } },
  { budget: { daily: { tokens: -1 } } },
  { budget: { onExceeded: 'Shrug' } },
  { budget: { alertAtPercent: [0] } },
  { rateLimits: { requestsPerMinute: -1 } },
  { responseCache: { mebibytes: -1 } },
  { network: { host: 'http://acme.example' } },
  { network: { egress: { ports: [0] } } },
  { access: { oidc: [{ issuer: 'http://insecure.example', audience: 'a' }] } },
  { access: { oidc: [{ issuer: 'https://issuer.example', audience: 'a', roles: { claim: 'groups', values: [] } }] } },
  { access: { apiKeys: [{ name: 'Not A Label' }] } },
  { access: { apiKeys: [{ name: 'ci', scopes: ['fly'] }] } },
  { access: { apiKeys: [{ name: 'ci', expiresAt: 'tomorrow' }] } },
  { providerKeys: [{ provider: '', secretRef: { name: 'keys', key: 'key' } }] },
  { providerKeys: [{ provider: 'openai' }] },
  { trafficSplits: [{ name: 'chat', agents: [] }] },
];

export const tenantWishes = (pin: string): Wishes => ({ valid: valid(pin), unfulfillable, refused });
