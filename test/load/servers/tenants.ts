import type { TenantPolicy } from '@cloister/tenancy';

/** As many as the design is made for, so that look-ups cost what they cost there. */
export const tenantCount = 1000;

/** A policy whose limits are on and far away. */
export const policyFor = (tenant: string, agentURL: string): TenantPolicy => ({
  tenant,
  uid: `uid-${tenant}`,
  namespace: `tenant-${tenant}`,
  state: 'Active',
  hosts: [`${tenant}.example`],
  agents: [{ name: 'support', url: agentURL }],
  defaultAgent: 'support',
  serviceAccounts: { agent: `sa-${tenant}` },
  models: ['stub/stub'],
  rateLimits: { requestsPerMinute: 100_000_000, tokensPerMinute: 1_000_000_000, concurrentRequests: 100_000 },
  budget: { timeZone: 'UTC' },
});
