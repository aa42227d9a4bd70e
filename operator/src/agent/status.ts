import { labels } from '@cloister/tenancy';
import type { AgentConfigStatus } from '../api/agent-config.ts';
import type { AgentConfig, Deployment } from '../kinds.ts';
import { judge } from '../status/conditions.ts';
import { parts, type AgentFinding } from './checks.ts';
import { isSuspended, type AgentSnapshot } from './observe.ts';

export interface AgentOutcome {
  readonly findings: readonly AgentFinding[];
  readonly revision?: string | undefined;
  /** The rollout of that revision is over. */
  readonly complete?: boolean;
  readonly deployment?: Deployment | undefined;
}

export function agentStatusOf(seen: AgentSnapshot, outcome: AgentOutcome, now: Date): AgentConfigStatus {
  const { agent, name, landlord, spec } = seen;
  const { status: before } = agent;
  const { revision = before?.revision, complete = false, deployment = seen.deployment } = outcome;
  return {
    observedGeneration: agent.metadata.generation,
    endpoint: endpointOf(seen),
    revision,
    classRevision: landlord?.standing.tenantClass?.revision ?? before?.classRevision,
    lastGoodRevision: complete ? revision : before?.lastGoodRevision,
    ...podsOf(deployment),
    selector: landlord && `${labels.tenant}=${landlord.name},${labels.agent}=${name}`,
    conditions: conditionsOf(agent, outcome.findings, now, praise(seen, spec.replicas)),
  };
}

function endpointOf({ name, landlord }: AgentSnapshot): string | undefined {
  const base = landlord?.tenant.status?.endpoint;
  return base === undefined ? undefined : `${base}/agents/${name}`;
}

const podsOf = (deployment: Deployment | undefined): Pick<AgentConfigStatus, 'replicas' | 'readyReplicas'> => ({
  replicas: deployment?.status?.replicas ?? 0,
  readyReplicas: deployment?.status?.readyReplicas ?? 0,
});

export const conditionsOf = (
  agent: AgentConfig,
  findings: readonly AgentFinding[],
  now: Date,
  ready: { readonly reason: 'Ready' | 'Suspended' | 'ScaledToZero'; readonly message: string },
) =>
  judge({
    object: agent,
    previous: agent.status?.conditions,
    findings,
    parts,
    advisory: ['Available'],
    good: {
      Ready: ready,
      EnvironmentReady: { reason: 'Ready', message: 'network policies, accounts and credentials are there' },
      ModelAllowed: { reason: 'Ready', message: 'every model it names may be used' },
      RolledOut: { reason: 'Ready', message: 'every pod runs the wanted revision' },
      Available: { reason: 'Ready', message: 'at least one pod serves' },
    },
    now,
  });

function praise({ landlord }: AgentSnapshot, replicas: number | undefined) {
  if (isSuspended(landlord)) return { reason: 'Suspended', message: 'the Tenant is suspended: nothing runs' } as const;
  if (replicas === 0) return { reason: 'ScaledToZero', message: 'spec.replicas is 0: nothing runs' } as const;
  return { reason: 'Ready', message: 'every pod runs the wanted revision and is ready' } as const;
}
