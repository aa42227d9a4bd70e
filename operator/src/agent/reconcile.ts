/**
 * Brings one agent in line with its AgentConfig.
 *
 * Flow: observe → check → apply → judge the rollout → tell.
 * Guarantees: level-triggered; a repeat on a converged agent writes nothing; while a check blocks, or a new revision does not become
 * ready, pods of the last good revision go on serving; no pod is made before the tenant's network policies are there.
 */
import type { ReconcileContext, Result } from 'kube-runtime';
import { agentConfigSpec } from '../api/agent-config.ts';
import type { Caches } from '../caches.ts';
import { configMaps, type AgentConfig } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { announcements } from '../status/announce.ts';
import { blocking } from '../status/finding.ts';
import { refusalOf } from '../status/refusal.ts';
import { together } from '../together.ts';
import { archiveAgent } from './archive.ts';
import { check, type AgentFinding } from './checks.ts';
import { revisionOf } from './children/deployment.ts';
import { documentNameOf } from './children/document.ts';
import { handOverReplicas } from './hand-over.ts';
import { landlordOf, observeAgent, type AgentSnapshot } from './observe.ts';
import { childrenOf, outdatedDocuments, planOf, surplus, type AgentPlan } from './plan.ts';
import { availability, rolloutOf } from './rollout.ts';
import { isAutoscaled } from './scale.ts';
import { agentStatusOf, conditionsOf, type AgentOutcome } from './status.ts';

export interface AgentParts {
  readonly caches: Caches;
  readonly configuration: Configuration;
}

type Context = ReconcileContext<AgentConfig>;

interface Attempt {
  readonly outcome: AgentOutcome;
  /** Thrown after the status has told of it, so that the run is tried again with growing pauses. */
  readonly error?: Error;
}

export async function reconcileAgent(context: Context, { caches, configuration }: AgentParts): Promise<Result> {
  const agent = context.object;
  const landlord = landlordOf(agent.metadata.namespace ?? '', caches);
  if (landlord?.tenant.metadata.deletionTimestamp) return {}; // the tenant's deletion takes its agents with it
  if (landlord?.spec.state === 'Archived') return closeDown(context, caches);
  const parsed = agentConfigSpec.safeParse(agent.spec);
  if (!parsed.success) {
    const message = parsed.error.issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`).join('; ');
    const findings: AgentFinding[] = [{ condition: 'ModelAllowed', reason: 'InvalidSpec', message, blocks: true }];
    const conditions = conditionsOf(agent, findings, new Date(), { reason: 'Ready', message: '' });
    await tell(context, { ...agent.status, observedGeneration: agent.metadata.generation, conditions });
    return {};
  }
  const seen = observeAgent(agent, parsed.data, { caches, configuration, landlord });
  const findings = check(seen);
  const plan = planOf(seen);
  const { outcome, error }: Attempt =
    plan && !blocking(findings) ? await bringAbout(context, seen, plan, caches) : { outcome: { findings } };

  const serving = availability(outcome.deployment ?? seen.deployment);
  await tell(context, agentStatusOf(seen, { ...outcome, findings: [...outcome.findings, ...serving] }, new Date()));
  if (error) throw error;
  return {};
}

async function closeDown(context: Context, caches: Caches): Promise<Result> {
  const { status, error } = await archiveAgent(context, caches);
  await tell(context, status);
  if (error) throw error;
  return {};
}

async function bringAbout(context: Context, seen: AgentSnapshot, plan: AgentPlan, caches: Caches): Promise<Attempt> {
  const { cluster, signal, name, namespace } = context;
  const revision = revisionOf(plan);
  try {
    if (isAutoscaled(plan)) await handOverReplicas(seen, cluster, signal);
    for (const stage of childrenOf(plan)) await together(stage.map(({ kind, desired }) => context.apply(kind, desired)));
    for (const { kind, object } of surplus(seen, plan)) await cluster.delete(kind, object, { signal });
    const deployment = caches.deployments.get({ name, namespace });
    const { complete, findings } = rolloutOf(deployment, seen.pods, revision);
    for (const old of outdatedDocuments(seen, documentNameOf(plan), complete)) await cluster.delete(configMaps, old, { signal });
    return { outcome: { findings, revision, complete, deployment } };
  } catch (error) {
    const { reason, message, error: cause } = refusalOf(error, "the agent's objects");
    return { outcome: { findings: [{ condition: 'RolledOut', reason, message, blocks: false }], revision }, error: cause };
  }
}

async function tell(context: Context, status: NonNullable<AgentConfig['status']>): Promise<void> {
  const before = context.object.status?.conditions;
  await context.updateStatus(status);
  for (const note of announcements(before, status.conditions)) context.record(note);
}
