/**
 * What the gateway must enforce for one tenant: the operator merges Tenant and TenantClass into this, edge and egress obey it.
 * A ConfigMap `tenant-<name>` in the system namespace, labelled `cloister.dev/document=tenant-policy`. Holds no secret.
 */
import { z } from 'zod';
import { budgetWindows, onExceeded } from './budget-windows.ts';
import { domainPattern } from './domains.ts';
import { modelName } from './models.ts';
import { rateLimits } from './rate-limits.ts';
import { trafficSplit } from './traffic-split.ts';

export const tenantPolicy = z.object({
  tenant: z.string(),
  /** UID of the Tenant: a second tenant of the same name is another tenant. */
  uid: z.string(),
  namespace: z.string(),
  state: z.enum(['Active', 'Suspended', 'Archived']),
  /** Host names that are this tenant's alone. */
  hosts: z.array(z.string()),
  /** Over TLS alone: edge trusts an agent by its certificate. */
  agents: z.array(
    z.object({
      name: z.string(),
      url: z.url({ protocol: /^https$/ }),
      /** It is to have no pod, so nobody need try to reach it. */
      scaledToZero: z.literal(true).optional(),
      /** What this agent may spend of the tenant's budget; absent means all of it. */
      budget: budgetWindows.optional(),
      /** Models that answer in the place of dearer ones when a budget is exceeded, instead of those of the tenant's budget. */
      downgradeTo: z.array(modelName).optional(),
      /** For which egress may give an answer again that this agent has had; absent where it does not want that. */
      cacheSeconds: z.int().positive().optional(),
      /** What egress lets it ask of models in chat completions, whatever its pods send. What is absent is not bounded. */
      bounds: z
        .object({
          temperature: z.object({ min: z.number(), max: z.number() }).optional(),
          /** Of each choice. A larger maximum is lowered to it. */
          maxOutputTokens: z.int().positive().optional(),
          /** Names of the tools that models may be offered. */
          tools: z.array(z.string()).optional(),
        })
        .optional(),
    }),
  ),
  /** The agent that answers where a request names none. Absent when the tenant has no agent. */
  defaultAgent: z.string().optional(),
  /** Absent where there are none. */
  trafficSplits: z.array(trafficSplit).optional(),
  /** UIDs of the ServiceAccounts whose tokens egress accepts for this tenant, by name. */
  serviceAccounts: z.record(z.string(), z.string()),
  /** Models that the tenant may use, each in full: patterns and provider permissions are already resolved. */
  models: z.array(modelName),
  /** Names of the ModelProviders that are called with a key of the tenant's own, and with no other. None when absent. */
  ownKeys: z.array(z.string()).optional(),
  /** Where its tools may connect to. Nowhere when absent. */
  egress: z.object({ domains: z.array(domainPattern), ports: z.array(z.int().min(1).max(65_535)) }).optional(),
  /** How much egress keeps of the answers that its agents may have again. Nothing when absent. */
  cacheBytes: z.int().nonnegative().optional(),
  /** Of all callers together, and of every subject of a JWT. */
  rateLimits: rateLimits.extend({ perUser: rateLimits.optional() }),
  budget: budgetWindows.extend({
    /** IANA name; days and months begin at midnight there. */
    timeZone: z.string(),
    /** What every subject of a JWT may spend of it; absent means all of it. */
    perUser: budgetWindows.optional(),
    onExceeded: onExceeded.optional(),
  }),
});
export type TenantPolicy = z.infer<typeof tenantPolicy>;
