import { labels } from '@cloister/tenancy';
import type { Condition } from 'kube-runtime';
import type { AgentConfigStatus } from '../api/agent-config.ts';
import type { AgentConfig, Deployment } from '../kinds.ts';
import { judge } from '../status/conditions.ts';
import { parts, type AgentFinding, type Part } from './checks.ts';
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
    conditions: conditionsOf(agent, {
      findings: outcome.findings,
      unseen: unseenAfter(outcome.findings),
      now,
      ready: praise(seen, spec.replicas),
    }),
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

/** Of an agent of which no more than this is known. */
export function invalidStatusOf(agent: AgentConfig, message: string, now: Date): AgentConfigStatus {
  const findings: AgentFinding[] = [{ condition: 'ModelAllowed', reason: 'InvalidSpec', message, blocks: true }];
  return {
    ...agent.status,
    observedGeneration: agent.metadata.generation,
    conditions: conditionsOf(agent, { findings, unseen: parts, now }),
  };
}

/** Checks end at the first obstacle, and parts are named in their order. Whether a pod serves is seen in any case. */
function unseenAfter(findings: readonly AgentFinding[]): Part[] {
  const obstacle = findings.find(({ blocks }) => blocks);
  return obstacle ? parts.slice(parts.indexOf(obstacle.condition) + 1).filter((part) => part !== 'Available') : [];
}

interface Judged {
  readonly findings: readonly AgentFinding[];
  readonly unseen: readonly Part[];
  readonly now: Date;
  readonly ready?: { readonly reason: 'Ready' | 'Suspended' | 'ScaledToZero'; readonly message: string };
}

const conditionsOf = (agent: AgentConfig, { findings, unseen, now, ready = { reason: 'Ready', message: '' } }: Judged): Condition[] =>
  judge({
    object: agent,
    previous: agent.status?.conditions,
    findings,
    parts,
    unseen,
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
