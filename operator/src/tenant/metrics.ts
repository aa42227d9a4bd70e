import { findCondition, isTrue } from 'kube-runtime';
import { Gauge, type Registry } from '@cloister/telemetry';
import type { Tenant } from '../kinds.ts';

const gauges = [
  [
    'cloister_tenant_egress_widened',
    'EgressWidened',
    "1 while a NetworkPolicy that is not the operator's lets the tenant's agents reach more",
  ],
  [
    'cloister_tenant_ingress_widened',
    'IngressWidened',
    "1 while a NetworkPolicy that is not the operator's lets more reach the tenant's agents",
  ],
] as const;

/** Counted from the tenants' status when asked, so that every replica shows the same and a tenant that is gone is not remembered. */
export function measureIsolation(registry: Registry, tenants: { list(): readonly Tenant[] }): void {
  for (const [name, condition, help] of gauges) {
    if (registry.getSingleMetric(name)) continue;
    new Gauge({
      name,
      help,
      labelNames: ['tenant'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { metadata, status } of tenants.list())
          if (findCondition(status?.conditions, condition))
            this.set({ tenant: metadata.name }, isTrue(status?.conditions, condition) ? 1 : 0);
      },
    });
  }
}
