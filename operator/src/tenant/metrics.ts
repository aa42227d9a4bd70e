import { findCondition, isTrue, type Informer } from 'kube-runtime';
import { Gauge, type Registry } from '@cloister/telemetry';
import { digest } from '../digest.ts';
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

/** Counted from the tenants' status, so that every replica shows the same and a tenant that is gone is not remembered. */
export function measureIsolation(registry: Registry, tenants: Pick<Informer<Tenant>, 'onChange'>): void {
  for (const [name, condition, help] of gauges) {
    if (registry.getSingleMetric(name)) continue;
    const widened = digest(tenants, ({ metadata, status }) => ({
      tenant: metadata.name,
      known: (findCondition(status?.conditions, condition)?.status ?? 'Unknown') !== 'Unknown',
      is: isTrue(status?.conditions, condition),
    }));
    new Gauge({
      name,
      help,
      labelNames: ['tenant'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { tenant, known, is } of widened()) if (known) this.set({ tenant }, is ? 1 : 0);
      },
    });
  }
}
