import type { TenantPolicy } from '@cloister/tenancy';

/** A policy with one agent and no limits, for tests. */
export function policyOf(tenant: string, changes: Partial<TenantPolicy> = {}): TenantPolicy {
  return {
    tenant,
    uid: `uid-${tenant}`,
    namespace: `tenant-${tenant}`,
    state: 'Active',
    hosts: [`${tenant}.cloister.example`],
    agents: [{ name: 'support', url: 'https://127.0.0.1:1' }],
    defaultAgent: 'support',
    serviceAccounts: { agent: `sa-${tenant}` },
    models: ['offline/echo'],
    rateLimits: {},
    budget: { timeZone: 'UTC' },
    ...changes,
  };
}
