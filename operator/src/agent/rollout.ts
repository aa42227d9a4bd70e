/** How far a rollout has come, and why it does not go on. Pure. */
import type { ContainerStatus, Deployment, Pod } from '../kinds.ts';
import type { AgentFinding } from './checks.ts';
import { revisionLabel } from './children/deployment.ts';

export interface Wanted {
  readonly revision: string;
  /** Of pods. An autoscaler may want more. */
  readonly fewest: number;
}

export interface Rollout {
  /** Every pod is of the wanted revision and ready, and no other pod is left. */
  readonly complete: boolean;
  readonly findings: readonly AgentFinding[];
}

const begun: AgentFinding = { condition: 'RolledOut', reason: 'RollingOut', message: 'the rollout begins', blocks: false };

const unavailable: AgentFinding = { condition: 'Available', reason: 'Pending', message: 'no pod serves yet', blocks: false };

const unreachable: AgentFinding = { ...unavailable, message: 'it has no Service, so nobody reaches its pods' };

/** Shown, and no obstacle: its reason is a good one. */
const unwanted: AgentFinding = {
  condition: 'Available',
  reason: 'ScaledToZero',
  message: 'no pod is wanted, so none serves',
  blocks: false,
};

/** States in which a container waits for nothing but time. */
const passing = new Set(['ContainerCreating', 'PodInitializing']);

/** The Deployment is the cached one: while it is of another revision, it says nothing about this one yet. */
export function rolloutOf(deployment: Deployment | undefined, pods: readonly Pod[], { revision, fewest }: Wanted): Rollout {
  if (deployment?.metadata.labels?.[revisionLabel] !== revision) return { complete: false, findings: [begun] };
  const { wanted, existing, updated, ready, current } = countsOf(deployment);
  if (isStill(wanted, fewest)) return { complete: false, findings: [begun] };
  const complete = current && updated === wanted && existing === wanted && ready === wanted;
  const soFar = `${Math.min(updated, ready)} of ${wanted} pods are ready`;
  return { complete, findings: complete ? [] : [progress(deployment, pods, revision, soFar)] };
}

/** It stands as it did when none was wanted. */
const isStill = (wanted: number, fewest: number): boolean => wanted === 0 && fewest > 0;

interface Serving extends Pick<Wanted, 'fewest'> {
  /** Edge asks pods by way of it. */
  readonly hasService: boolean;
}

/** Whether any pod serves, of whichever revision. */
export function availability(deployment: Deployment | undefined, { fewest, hasService }: Serving): AgentFinding[] {
  if (!deployment) return [unavailable];
  const { wanted, available } = countsOf(deployment);
  if (isStill(wanted, fewest)) return [unavailable];
  if (wanted === 0) return [unwanted];
  if (available === 0) return [unavailable];
  return hasService ? [] : [unreachable];
}

interface Counts {
  readonly wanted: number;
  readonly existing: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** The numbers are about the Deployment as it is now. */
  readonly current: boolean;
}

function countsOf({ metadata, spec, status }: Deployment): Counts {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status ?? {};
  return {
    wanted: spec.replicas ?? 1,
    existing: replicas,
    updated: updatedReplicas,
    ready: readyReplicas,
    available: availableReplicas,
    current: observedGeneration >= (metadata.generation ?? 0),
  };
}

function progress(deployment: Deployment, pods: readonly Pod[], revision: string, soFar: string): AgentFinding {
  const ofRevision = pods.filter(({ metadata }) => metadata.labels?.[revisionLabel] === revision && !metadata.deletionTimestamp);
  const why = obstacle(deployment, ofRevision);
  if (why === undefined) return { condition: 'RolledOut', reason: 'RollingOut', message: soFar, blocks: false };
  const serving = (deployment.status?.availableReplicas ?? 0) > 0 ? '; pods that were ready before go on serving' : '';
  return {
    condition: 'RolledOut',
    reason: 'RolloutFailing',
    message: `revision ${revision} does not start: ${why}${serving}`,
    blocks: false,
  };
}

function obstacle(deployment: Deployment, pods: readonly Pod[]): string | undefined {
  for (const pod of pods) {
    const why = podObstacle(pod);
    if (why !== undefined) return why;
  }
  // What the Deployment says of itself may still be about the revision before.
  const conditions = countsOf(deployment).current ? (deployment.status?.conditions ?? []) : [];
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (refused) return `pods cannot be made: ${refused.message ?? refused.reason ?? 'no reason given'}`;
  const late = conditions.find(({ type, status }) => type === 'Progressing' && status === 'False');
  return late ? 'its pods do not become ready; see their logs' : undefined;
}

function podObstacle({ status }: Pod): string | undefined {
  const unscheduled = status?.conditions?.find(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable');
  if (unscheduled?.status === 'False') return `no node takes its pod: ${unscheduled.message ?? ''}`;
  return status?.containerStatuses?.map(containerObstacle).find((why) => why !== undefined);
}

function containerObstacle({ state, lastState }: ContainerStatus): string | undefined {
  const { reason, message } = state?.waiting ?? {};
  if (!reason || passing.has(reason)) return undefined;
  const ended = lastState?.terminated;
  if (ended) return `${reason} (last exit: ${ended.reason ?? 'unknown'}, code ${ended.exitCode ?? 'unknown'}; see its logs)`;
  return message ? `${reason}: ${message}` : reason;
}
