import { apiVersion } from '@cloister/tenancy';
import { agentConfigSpec } from '../api/agent-config.ts';
import { tenantSpec } from '../api/tenant.ts';
import type { TenantClass } from '../kinds.ts';
import { configuration, starter, tenantNamed, worldOf } from '../tenant/snapshot.fixture.ts';
import { standingOf } from '../tenant/standing.ts';
import type { AgentSnapshot, Landlord } from './observe.ts';
import { planOf, type AgentPlan } from './plan.ts';

export function landlord(spec: object = {}, classes: readonly TenantClass[] = [starter]): Landlord {
  const parsed = tenantSpec.parse(spec);
  const tenant = tenantNamed('acme', spec);
  return {
    tenant,
    name: 'acme',
    spec: parsed,
    standing: standingOf({ tenant, spec: parsed }, worldOf(classes)),
  };
}

interface Given extends Partial<Omit<AgentSnapshot, 'spec'>> {
  readonly spec?: object;
}

/** An agent "support" of tenant "acme" that nothing stands in the way of, but for what is given. */
export function snapshot({ spec = {}, ...rest }: Given = {}): AgentSnapshot {
  const wish = { model: 'offline/echo', ...spec };
  return {
    agent: {
      apiVersion,
      kind: 'AgentConfig',
      metadata: { name: 'support', namespace: 'tenant-acme', uid: 'uid-support', generation: 1 },
      spec: wish,
    },
    name: 'support',
    namespace: 'tenant-acme',
    spec: agentConfigSpec.parse(wish),
    configuration,
    landlord: landlord(),
    older: 0,
    awaited: [],
    credentials: 'c1',
    hasAuthorities: false,
    deployment: undefined,
    service: undefined,
    disruptionBudget: undefined,
    autoscaler: undefined,
    pods: [],
    documents: [],
    ...rest,
  };
}

export function planned(given: Given = {}): AgentPlan {
  const plan = planOf(snapshot(given));
  if (!plan) throw new Error('this snapshot makes no plan');
  return plan;
}
