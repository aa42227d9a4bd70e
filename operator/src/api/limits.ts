/** What a Tenant may set for itself and a TenantClass may default and cap. */
import { z } from 'zod';
import { listSet, modelPattern, quantity, rules } from './fields.ts';

export const quota = z.object({
  cpu: quantity().describe('Sum of the CPU requests of all pods, for example "2".').optional(),
  memory: quantity().describe('Sum of the memory requests, and of the memory limits, of all pods, for example 4Gi.').optional(),
  pods: z
    .int()
    .min(1)
    .max(1000)
    .describe('How many pods may exist at once. A rollout needs one more than the agents have replicas.')
    .optional(),
  agents: z.int().min(1).max(100).describe('How many AgentConfigs may run: the oldest. Others wait, and say so.').optional(),
});
export type Quota = z.infer<typeof quota>;

export const models = z.object({
  allow: z
    .array(modelPattern())
    .max(64)
    .meta(listSet)
    .describe('Models by full name (openai/gpt-5-mini) or by prefix (openai/*). Models of providers closed to the tenant stay closed.'),
});

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

export const timeZone = z
  .string()
  .max(64)
  .describe('IANA name, for example Europe/Vienna: days and months begin at midnight there. UTC when not set.')
  .meta(
    rules({
      rule: "self.matches('^[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*$')",
      message: 'expected an IANA time zone, for example Europe/Vienna',
    }),
  );

export const budget = z.object({ timeZone: timeZone.optional(), ...budgetWindows });
export type Budget = z.infer<typeof budget>;

export const rateLimits = z.object({
  requestsPerMinute: z.int().min(1).max(1e6).describe('Requests to all agents of the tenant together, within any minute.').optional(),
});
