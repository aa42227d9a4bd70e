/** TenantClass: a tier. Defaults for tenants that do not say, ceilings for those that say too much, and where their pods run. */
import { z } from 'zod';
import { conditions, observedGeneration } from './conditions.ts';
import { atomic, countOrShare, labelSelector, objectName, rules } from './fields.ts';
import { budget, budgetCeilings, egress, models, quota, rateLimits, rateNames, responseCache } from './limits.ts';

/** Bounds what the status of a class holds. */
export const mostInAWave = 1000;

const exists = "has(self.operator) && self.operator == 'Exists'";
const toleration = z
  .object({
    key: z.string().max(316).describe('Key of the taint; every taint when not set.').optional(),
    operator: z.enum(['Exists', 'Equal']).describe('How value is compared; Equal when not set.').optional(),
    value: z.string().max(63).describe('Value of the taint.').optional(),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).describe('Effect of the taint; every effect when not set.').optional(),
    tolerationSeconds: z.int().min(0).describe('How long NoExecute is tolerated; for ever when not set.').optional(),
  })
  .meta(
    // What the API server would refuse in each agent's Deployment.
    rules(
      {
        rule: `(has(self.key) && self.key != '') || (${exists})`,
        message: 'without key, operator must be Exists: every taint is tolerated',
      },
      {
        rule: `!(${exists}) || !has(self.value) || self.value == ''`,
        message: 'operator Exists takes no value; remove value, or use Equal',
      },
      {
        rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: 'tolerationSeconds goes with effect NoExecute alone; set that effect or remove tolerationSeconds',
      },
      {
        rule: "!has(self.key) || self.key == '' || !format.qualifiedName().validate(self.key).hasValue()",
        message: 'key is no key of a taint; expected for example example.com/dedicated',
      },
      {
        rule: '!has(self.value) || !format.labelValue().validate(self.value).hasValue()',
        message: 'value is no value of a taint; expected at most 63 letters, digits, "-", "_" and "."',
      },
    ),
  );

const nodeLabels = rules({
  rule: 'self.all(key, !format.qualifiedName().validate(key).hasValue() && !format.labelValue().validate(self[key]).hasValue())',
  message: 'expected labels of nodes: keys such as example.com/pool, values of at most 63 letters, digits, "-", "_" and "."',
});

const withinCeiling = (field: 'cpu' | 'memory') => {
  const quota = (part: string) => `self.${part}.quota.${field}`;
  const present = (part: string) => `has(self.${part}) && has(self.${part}.quota) && has(${quota(part)})`;
  return {
    rule: `!(${present('defaults')} && ${present('ceilings')}) || quantity(string(${quota('defaults')})).compareTo(quantity(string(${quota('ceilings')}))) <= 0`,
    message: `defaults.quota.${field} is above ceilings.quota.${field}; lower the default or raise the ceiling`,
  };
};

const countWithinCeiling = (field: string) => {
  const parts = field.split('.');
  const present = (root: string) => parts.map((_, index) => `has(self.${[root, ...parts.slice(0, index + 1)].join('.')})`).join(' && ');
  const set = (root: string) => `has(self.${root}) && ${present(root)}`;
  return {
    rule: `!(${set('defaults')} && ${set('ceilings')}) || self.defaults.${field} <= self.ceilings.${field}`,
    message: `defaults.${field} is above ceilings.${field}; lower the default or raise the ceiling`,
  };
};

/**
 * So long a wave waits at least for the agents of a tenant that is Ready: until then a rollout that fails shows, also that of the last of many agents.
 * No longer than is said, because agents that somebody edits all the time never come to rest, and would hold up the class.
 */
export const agentsSeconds = 300;

const rollout = z.object({
  canary: labelSelector().describe('Tenants that go first, as a wave of their own.').optional(),
  waveSize: countOrShare().describe("Tenants of a wave: a number, or a share of the class's tenants, rounded up.").default('10%'),
  pauseSeconds: z.int().min(0).max(2592000).describe('How long the next wave waits after one has ended.').default(0),
  maxUnready: z
    .int()
    .min(0)
    .max(1e6)
    .describe('How many tenants may stop being Ready after they were moved. One more stops the rollout.')
    .default(0),
  unreadySeconds: z
    .int()
    .min(0)
    .max(86400)
    .describe(
      `How long a moved tenant may be not Ready before it counts. The agents of one that is Ready are waited for as long, and for ${agentsSeconds} s at least.`,
    )
    .default(300),
  paused: z.boolean().describe('No further wave begins while this is true.').default(false),
});
export type RolloutSpec = z.infer<typeof rollout>;

export const tenantClassSpec = z
  .object({
    default: z.boolean().describe('Tenants without a classRef get this class. At most one class may say so.').default(false),
    defaults: z
      .object({
        quota: quota.describe('Caps for tenants that set none. Built in: 2 CPU, 4Gi, 20 pods, 10 agents.').optional(),
        models: models.describe('Models for tenants that name none. Built in: no model.').optional(),
        budget: budget.describe('Budget for tenants that set none. Built in: no limit.').optional(),
        network: z
          .object({ egress: egress.describe('For tenants that set none. Built in: no domain, port 443.').optional() })
          .describe('What tenants reach.')
          .optional(),
        rateLimits: rateLimits.describe('Rates for tenants that set none. Built in: no limit.').optional(),
        responseCache: responseCache.describe('For tenants that set none. Built in: 16 mebibytes, a week at most.').optional(),
      })
      .describe('For what a Tenant does not set.')
      .optional(),
    ceilings: z
      .object({
        quota: quota.describe('No tenant of this class gets more.').optional(),
        models: models.describe('No tenant of this class may use others.').optional(),
        budget: budgetCeilings.describe('No tenant of this class may spend more.').optional(),
        network: z
          .object({ egress: egress.describe('No tenant of this class reaches other domains or ports.').optional() })
          .describe('What tenants reach.')
          .optional(),
        rateLimits: rateLimits.describe('No tenant of this class may call more often.').optional(),
        responseCache: responseCache.describe('Of no tenant of this class is more kept, or for longer.').optional(),
      })
      .describe('What a Tenant sets above these is cut to them, and its status says so.')
      .optional(),
    runtimeClassName: objectName().describe('RuntimeClass of agent pods, for example gvisor.').optional(),
    nodeSelector: z
      .record(z.string(), z.string().max(63))
      .meta({ maxProperties: 16, ...nodeLabels })
      .describe('Labels of the nodes on which agent pods run.')
      .optional(),
    tolerations: z.array(toleration).max(32).meta(atomic).describe('Taints that agent pods tolerate.').optional(),
    rollout: rollout
      .describe('A change of this class goes to its tenants in waves. Without it all follow at once. Not part of a revision.')
      .optional(),
  })
  .meta(
    rules(
      withinCeiling('cpu'),
      withinCeiling('memory'),
      ...['quota.pods', 'quota.agents', 'responseCache.ttlSeconds', 'responseCache.mebibytes'].map(countWithinCeiling),
      ...['rateLimits', 'rateLimits.perUser'].flatMap((path) => rateNames.map((name) => countWithinCeiling(`${path}.${name}`))),
    ),
  );
export type TenantClassSpec = z.infer<typeof tenantClassSpec>;

const time = z.string().meta({ format: 'date-time' });

const wave = z.object({
  wave: z.int().min(1).describe('Which wave it is, counted from 1.'),
  tenants: z.array(z.string().max(253)).max(mostInAWave).meta(atomic).describe('Its tenants.'),
  startTime: time.describe('When it began.'),
  completionTime: time.describe('When its last tenant had settled.').optional(),
  stopped: z
    .boolean()
    .describe('Too many moved tenants are not Ready: nobody else is moved, and new tenants get currentRevision.')
    .optional(),
});
export type Wave = z.infer<typeof wave>;

export const tenantClassStatus = z.object({
  observedGeneration,
  tenants: z.int().min(0).describe('How many Tenants are of this class.').optional(),
  pinnedTenants: z.int().min(0).describe('How many of them are pinned to a revision, and take no part in rollouts.').optional(),
  updatedTenants: z.int().min(0).describe('How many of the others are on the wanted revision.').optional(),
  wantedRevision: z.string().describe('The revision that the spec makes.').optional(),
  currentRevision: z.string().describe('The revision that last reached every tenant which is not pinned.').optional(),
  rollout: wave.describe('The latest wave on the way to the wanted revision.').optional(),
  conditions,
});
export type TenantClassStatus = z.infer<typeof tenantClassStatus>;
