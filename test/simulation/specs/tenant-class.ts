import fc from 'fast-check';
import { budget, egress, models, quota, rateLimits, responseCache, windows } from './limits.ts';
import { record, some, upTo, type Spec, type Wishes } from './wish.ts';

const defaults = record({
  quota: some(quota),
  models,
  budget: some(budget),
  network: some(record({ egress: some(egress) })),
  rateLimits: some(rateLimits),
  responseCache: some(responseCache),
});

/** Above what tenants ask for here, and what the defaults of a class may be. */
const ceilings = record({
  quota: some(fc.constant({ cpu: 8, memory: '16Gi', pods: 40, agents: 20 })),
  models: some(models),
  budget: some(record({ ...windows, perUser: some(record(windows)) })),
  network: some(record({ egress: some(fc.constant({ domains: ['*.example.com', '*.example.org'], ports: [443, 8443] })) })),
  rateLimits: some(
    fc.constant({
      requestsPerMinute: 1000,
      tokensPerMinute: 10_000,
      concurrentRequests: 99,
      perUser: { requestsPerMinute: 100, tokensPerMinute: 1000, concurrentRequests: 9 },
    }),
  ),
  responseCache: some(fc.constant({ ttlSeconds: 7200, mebibytes: 128 })),
});

const toleration = fc.constantFrom(
  { key: 'dedicated', operator: 'Equal', value: 'agents', effect: 'NoSchedule' },
  { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
);

const rollout = record({
  canary: some(
    fc.constantFrom({ matchLabels: { canary: 'yes' } }, { matchExpressions: [{ key: 'canary', operator: 'In', values: ['yes'] }] }),
  ),
  waveSize: some(fc.constantFrom(1, '50%')),
  pauseSeconds: some(upTo(5, 0)),
  maxUnready: some(upTo(2, 0)),
  unreadySeconds: some(upTo(5, 0)),
  paused: some(fc.constant(false)),
});

/** Every field, of the class of tenants that name none. */
const valid: fc.Arbitrary<Spec> = record({
  default: fc.constant(true),
  defaults,
  ceilings: some(ceilings),
  runtimeClassName: some(fc.constant('gvisor')),
  nodeSelector: some(fc.constant({ pool: 'a' })),
  tolerations: some(fc.array(toleration, { maxLength: 2 })),
  rollout: some(rollout),
});

/** Its tenants cannot be what it makes of them, or are not told. */
const unfulfillable: readonly Spec[] = [
  { default: false },
  { defaults: { models: { allow: ['nobody/knows'] } } },
  { ceilings: { models: { allow: ['nobody/*'] } } },
  { ceilings: { quota: { pods: 2 } }, defaults: { models: { allow: ['offline/*'] } } },
];

const refused: readonly Spec[] = [
  { default: 'yes' },
  { defaults: { quota: { pods: 1 } } },
  { ceilings: { budget: { daily: { usd: -1 } } } },
  { nodeSelector: { pool: 7 } },
  { tolerations: [{ operator: 'Maybe' }] },
  { rollout: { waveSize: '0%' } },
  { rollout: { pauseSeconds: -1 } },
  { runtimeClassName: 'Not A Name' },
];

export const classWishes: Wishes = { valid, unfulfillable, refused };
