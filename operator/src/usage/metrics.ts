import { Gauge, type Registry } from '@cloister/telemetry';
import type { Informer } from 'kube-runtime';
import type { WindowStatus } from '../api/usage.ts';
import { digest } from '../digest.ts';
import type { Tenant } from '../kinds.ts';

const gauges: readonly [name: string, help: string, of: (window: WindowStatus) => number | undefined][] = [
  ['cloister_tenant_spent_usd', 'US dollars that a tenant has spent in its present day or month', ({ usd }) => usd],
  ['cloister_tenant_used_tokens', 'Tokens that a tenant has used in its present day or month', ({ tokens }) => tokens],
  [
    'cloister_tenant_debt_usd',
    'US dollars that the present day or month has the less, because a provider billed them beyond the limits of those before',
    ({ debtUsd }) => debtUsd ?? 0,
  ],
  ['cloister_tenant_debt_tokens', 'The same in tokens', ({ debtTokens }) => debtTokens ?? 0],
  [
    'cloister_tenant_budget_used_percent',
    'Share of the limit of which most is used, debt included; not there without a limit',
    ({ percent }) => percent,
  ],
  [
    'cloister_tenant_budget_alert_percent',
    'The highest threshold of the budget that was told of in the present day or month; 0 for none',
    ({ percent, alertedAtPercent }) => alertedAtPercent ?? (percent === undefined ? undefined : 0),
  ],
];

/** Taken from the tenants' status, so that every replica shows the same. Tenants that have used nothing have none. */
export function measureUsage(registry: Registry, tenants: Pick<Informer<Tenant>, 'onChange'>): void {
  if (gauges.some(([name]) => registry.getSingleMetric(name))) return;
  const shown = digest(tenants, ({ metadata, status }) => ({ tenant: metadata.name, usage: status?.usage }));
  for (const [name, help, of] of gauges)
    new Gauge({
      name,
      help,
      labelNames: ['tenant', 'window'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { tenant, usage } of shown())
          for (const window of ['daily', 'monthly'] as const) {
            const value = usage && of(usage[window]);
            if (value !== undefined) this.set({ tenant, window }, value);
          }
      },
    });
}
