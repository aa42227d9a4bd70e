import { Registry } from '@cloister/telemetry';
import { expect, test } from 'vitest';
import type { Tenant } from '../kinds.ts';
import { told } from '../testing/told.double.ts';
import { measureIsolation } from './metrics.ts';
import { tenantNamed } from './snapshot.fixture.ts';

const widened = (name: string, status: 'True' | 'False') => ({
  ...tenantNamed(name),
  status: { conditions: [{ type: 'EgressWidened', status, reason: 'X', message: '', lastTransitionTime: '', observedGeneration: 1 }] },
});

test('each tenant of which it is known is shown as widened or not, and none that is gone', async () => {
  const registry = new Registry();
  const tenants = [widened('open', 'True'), widened('shut', 'False'), tenantNamed('unknown')];
  const cache = told<Tenant>();
  measureIsolation(registry, cache.informer);
  for (const object of tenants) cache.tell('added', object);
  const shown = async () => (await registry.metrics()).match(/cloister_tenant_egress_widened\{.*/g);
  expect(await shown()).toEqual(['cloister_tenant_egress_widened{tenant="open"} 1', 'cloister_tenant_egress_widened{tenant="shut"} 0']);
  cache.tell('deleted', widened('open', 'True'));
  expect(await shown()).toEqual(['cloister_tenant_egress_widened{tenant="shut"} 0']);
});
