/**
 * What an archived tenant's agent comes to: nothing that runs or is reached; its AgentConfig stays and says why.
 *
 * Needs no valid spec: an agent that nobody can read must not be the one that goes on running. Back to Active, all of it is made anew.
 */
import { findCondition, keyOf, type ReconcileContext } from 'kube-runtime';
import type { AgentConfigStatus } from '../api/agent-config.ts';
import { byAgent, type Caches } from '../caches.ts';
import * as kinds from '../kinds.ts';
import { judge } from '../status/conditions.ts';
import { refusalOf } from '../status/refusal.ts';
import type { AgentFinding } from './checks.ts';
import { endOrphans, orphansOf } from './orphans.ts';
import { ownOf, whatRuns, type Made } from './stop.ts';
import { endStrays } from './strays.ts';

export interface Archival {
  readonly status: AgentConfigStatus;
  /** Thrown after the status has told of it, so that the run is tried again with growing pauses. */
  readonly error: Error | undefined;
  /** Nothing would wake the agent then. */
  readonly lookAgainMs: number | undefined;
}

export async function archiveAgent(context: ReconcileContext<kinds.AgentConfig>, caches: Caches): Promise<Archival> {
  const { object: agent, cluster, signal } = context;
  const left = podsLeft(agent, caches);
  try {
    for (const { kind, object } of madeFor(agent, caches)) await cluster.delete(kind, object, { signal });
    await endOrphans(orphansOf(agent.metadata, caches), { cluster, signal });
    const lookAgainMs = await endStrays(context, left, { count: 0, since: notServingSince(agent) });
    return { status: archivedStatus(agent, left.length, []), error: undefined, lookAgainMs };
  } catch (error) {
    const { reason, message, error: cause } = refusalOf(error, "the end of the agent's objects");
    const finding: AgentFinding = { condition: 'RolledOut', reason, message, blocks: false };
    return { status: archivedStatus(agent, left.length, [finding]), error: cause, lookAgainMs: undefined };
  }
}

/** Since it was archived. The first run knows of nothing that should have ended by then. */
function notServingSince({ status }: kinds.AgentConfig): string | undefined {
  const told = findCondition(status?.conditions, 'Available');
  return told?.reason === 'Archived' ? told.lastTransitionTime : undefined;
}

/** First what would bring back pods, or lead to them; last what pods that are ending may still have open. */
function madeFor(agent: kinds.AgentConfig, caches: Caches): Made[] {
  const { name, namespace = '' } = agent.metadata;
  return [
    ...whatRuns(agent, caches),
    ...ownOf(agent, kinds.services, [caches.services.get({ namespace, name })]),
    ...ownOf(agent, kinds.podDisruptionBudgets, [caches.podDisruptionBudgets.get({ namespace, name })]),
    ...ownOf(agent, kinds.configMaps, caches.configMaps.byIndex(byAgent, keyOf(agent.metadata))),
  ];
}

const podsLeft = ({ metadata }: kinds.AgentConfig, { pods }: Caches): readonly kinds.Pod[] => pods.byIndex(byAgent, keyOf(metadata));

function archivedStatus(agent: kinds.AgentConfig, pods: number, troubles: readonly AgentFinding[]): AgentConfigStatus {
  const message = 'the Tenant is archived: nothing runs, and nothing can be reached';
  const closed: AgentFinding = { condition: 'Available', reason: 'Archived', message, blocks: false };
  const stopping: AgentFinding = { condition: 'RolledOut', reason: 'Stopping', message: `${pods} pods are ending`, blocks: false };
  return {
    ...agent.status,
    observedGeneration: agent.metadata.generation,
    endpoint: undefined,
    // Nothing is wanted, and no class is followed: what was before says nothing about now.
    revision: undefined,
    classRevision: undefined,
    replicas: pods,
    readyReplicas: 0,
    conditions: judge({
      object: agent,
      previous: agent.status?.conditions,
      findings: [...troubles, ...(pods > 0 ? [stopping] : []), closed],
      // Nothing else is looked at of an agent that is not to run.
      parts: ['RolledOut', 'Available'],
      advisory: ['Available'],
      good: { Ready: { reason: 'Archived', message }, RolledOut: { reason: 'Archived', message: 'no pod is wanted' } },
      now: new Date(),
    }),
  };
}
