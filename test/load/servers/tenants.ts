import type { TenantPolicy } from '@cloister/tenancy';

/** Limits that are on and far away. */
export const farLimits = { requestsPerMinute: 100_000_000, tokensPerMinute: 1_000_000_000, concurrentRequests: 100_000 };

export const farBudget = { daily: { usd: 1e9 }, monthly: { usd: 1e9, tokens: 1e15 } };

export interface TenantChoice {
  readonly agentURL?: string;
  readonly limits: boolean;
  /** Dollars a day of the tenant; undefined: nothing of it is limited. */
  readonly dailyUsd: number | undefined;
}

/** A tenant with one agent. */
export const policyFor = (tenant: string, { agentURL = 'http://127.0.0.1:1', limits, dailyUsd }: TenantChoice): TenantPolicy => ({
  tenant,
  uid: `uid-${tenant}`,
  namespace: `tenant-${tenant}`,
  state: 'Active',
  hosts: [`${tenant}.example`],
  agents: [{ name: 'support', url: agentURL, ...(dailyUsd !== undefined && { budget: farBudget }) }],
  defaultAgent: 'support',
  serviceAccounts: { agent: `sa-${tenant}` },
  models: ['stub/stub'],
  rateLimits: limits ? farLimits : {},
  budget: { timeZone: 'UTC', ...(dailyUsd !== undefined && { ...farBudget, daily: { usd: dailyUsd } }) },
});

export const nameOf = (number: number): string => `t${number}`;
