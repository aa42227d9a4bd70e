/** What a Tenant may set for itself and a TenantClass may default and cap. */
import { z } from 'zod';
import { atomic, domain, listSet, model, modelPattern, noneTwice, quantity, rules, type CelRule } from './fields.ts';

/** Seconds: a week. */
export const longestKept = 604800;

/** AgentConfigs of a tenant that may run, whatever its quota: what the gateway must know of all of them stands in one document. */
export const mostAgents = 100;

export const quota = z.object({
  cpu: quantity().describe('Sum of the CPU requests of all pods, for example "2".').optional(),
  memory: quantity().describe('Sum of the memory requests, and of the memory limits, of all pods, for example 4Gi.').optional(),
  pods: z
    .int()
    .min(2) // with one, no agent could ever be rolled out anew
    .max(1000)
    .describe('How many pods may exist at once. A rollout needs one more than the agents have replicas.')
    .optional(),
  agents: z.int().min(1).max(mostAgents).describe('How many AgentConfigs may run: the oldest. Others wait, and say so.').optional(),
});
export type Quota = z.infer<typeof quota>;

export const models = z.object({
  allow: z
    .array(modelPattern())
    .max(64)
    .meta(listSet)
    .describe('Models by full name (openai/gpt-5-mini) or by prefix (openai/*). Models of providers closed to the tenant stay closed.'),
});

export const egress = z.object({
  domains: z
    .array(domain())
    .max(64)
    .meta(listSet)
    .describe('Domains by name (api.example.com) or with all below it (*.example.com). None: nothing can be reached.')
    .optional(),
  ports: z.array(z.int().min(1).max(65535)).max(16).meta(listSet).describe('Ports of these domains. 443 alone when not set.').optional(),
});
export type Egress = z.infer<typeof egress>;

const windowLimit = z
  .object({
    usd: z.number().min(0).max(1e9).describe('US dollars, of which six decimals count.').optional(),
    tokens: z.int().min(0).max(1e15).describe('Input and output tokens together.').optional(),
  })
  .meta(rules({ rule: 'has(self.usd) || has(self.tokens)', message: 'set usd, tokens or both; leave the window out for no limit' }));
export type WindowLimit = z.infer<typeof windowLimit>;

export const budgetWindows = {
  daily: windowLimit.describe('What may be spent from midnight to midnight.').optional(),
  monthly: windowLimit.describe('What may be spent from the first of a month to the next.').optional(),
};

/** A day cannot cost more than the month that it is part of. */
const dailyWithinMonthly = (unit: 'usd' | 'tokens'): CelRule => {
  const has = (window: string) => `has(self.${window}) && has(self.${window}.${unit})`;
  return {
    rule: `!(${has('daily')} && ${has('monthly')}) || self.daily.${unit} <= self.monthly.${unit}`,
    message: `daily.${unit} is above monthly.${unit}, which would be spent first; lower the one or raise the other`,
  };
};
const windowsAgree = rules(dailyWithinMonthly('usd'), dailyWithinMonthly('tokens'));

/** Of an agent, an API key or a user, in the days and months of the tenant. */
export const shareOfBudget = z.object(budgetWindows).meta(windowsAgree);
export type ShareOfBudget = z.infer<typeof shareOfBudget>;

const perUser = shareOfBudget
  .describe('For every user of a JWT by itself, where its agent says on whose behalf it calls; within the budget of the whole tenant.')
  .optional();
export const budgetCeilings = z.object({ ...budgetWindows, perUser }).meta(windowsAgree);

export const timeZone = z
  .string()
  .max(64)
  .describe('IANA name, for example Europe/Vienna: days and months begin at midnight there. UTC when not set.')
  .meta(
    rules(
      {
        // Keeps out offsets, which the API server would take, and two names that are zones to Go alone.
        rule: "self.matches('^[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*$') && !(self in ['Local', 'Factory'])",
        message: 'expected an IANA time zone, for example Europe/Vienna',
      },
      {
        // The API server knows all zones, and to tell the hour of one that it does not know is an error. Errors are told with the rule's own text,
        // so that is where the remedy stands.
        rule: "// expected an IANA time zone, for example Europe/Vienna\ntimestamp('2000-01-01T00:00:00Z').getHours(self) >= 0",
        message: 'expected an IANA time zone, for example Europe/Vienna',
      },
    ),
  );

/** Where a budget says what happens when most of it is used up, and not where. */
export const builtInSoftLimitPercent = 80;

/** Where a budget does not say of what it tells. */
export const builtInAlerts = [50, 80, 100] as const;

/** Models that answer in the place of dearer ones. The order is what counts, so nobody merges it. */
export const downgradeTo = z
  .array(model())
  .min(1)
  .max(8)
  .meta({ ...atomic, ...rules(noneTwice) });

const exceeding = {
  onExceeded: z
    .enum(['Block', 'Downgrade', 'Throttle'])
    .describe(
      'What becomes of calls when a budget that binds them (of the tenant, the agent, the API key or the user) is used up to softLimitPercent. ' +
        'Block: nothing until it is spent. Downgrade: a cheaper model answers, see downgradeTo. Throttle: what is left is given out evenly until the window ends; calls wait, or are told when to come again. ' +
        'In each case nothing is ever spent beyond a limit. Block when not set.',
    )
    .optional(),
  softLimitPercent: z
    .int()
    .min(1)
    .max(99)
    .describe(`Share of each limit from which Downgrade and Throttle apply. ${builtInSoftLimitPercent} when not set.`)
    .optional(),
  downgradeTo: downgradeTo
    .describe(
      'For Downgrade: the first of these that costs less than the model asked for answers in its place. ' +
        "An AgentConfig may name others. Where nobody names any, the agent's own model and fallbacks count.",
    )
    .optional(),
};

const alertAtPercent = z
  .array(z.int().min(1).max(100))
  .max(8)
  .meta(listSet)
  .describe(
    `Shares of each limit of the tenant at which an Event is told of the Tenant, once in a window, and its status says so. ${builtInAlerts.join(', ')} when not set; none: nothing is told.`,
  )
  .optional();

export const budget = z
  .object({ timeZone: timeZone.optional(), ...budgetWindows, perUser, ...exceeding, alertAtPercent })
  .meta(windowsAgree);
export type Budget = z.infer<typeof budget>;

export const budgetOfAgent = z
  .object({
    ...budgetWindows,
    downgradeTo: downgradeTo
      .describe(
        "Where the tenant's budget says onExceeded: Downgrade, the models for calls of this agent, in the place of the tenant's list.",
      )
      .optional(),
  })
  .meta(windowsAgree);

/** Bounds of what egress keeps of answers; which agents want that, their AgentConfigs say. */
export const responseCache = z.object({
  ttlSeconds: z.int().min(1).max(longestKept).describe('For how long an answer may be given again, at most.').optional(),
  mebibytes: z
    .int()
    .min(0)
    .max(65536)
    .describe('How much is kept for all agents together; the oldest goes first. 0: nothing, and no answer is given again.')
    .optional(),
});
export type ResponseCache = z.infer<typeof responseCache>;

/** Edge counts them, for all its replicas together. */
const rates = {
  requestsPerMinute: z.int().min(1).max(1e6).describe('Requests within any minute.').optional(),
  tokensPerMinute: z
    .int()
    .min(1)
    .max(1e9)
    .describe(
      'Input and output tokens within any minute, counted when an answer ends: once they are used up, further requests are refused.',
    )
    .optional(),
  concurrentRequests: z.int().min(1).max(1e5).describe('Requests in progress at the same time.').optional(),
};
export const keyRateLimits = z.object(rates);
/** Names of the fields, for whoever goes through all of them. */
export const rateNames = ['requestsPerMinute', 'tokensPerMinute', 'concurrentRequests'] as const;

export const rateLimits = z.object({
  ...rates,
  perUser: z
    .object(rates)
    .describe('For every user of a JWT by itself; within the limits of the whole tenant, which are beside it.')
    .optional(),
});
