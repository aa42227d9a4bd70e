/**
 * Brings one agent in line with its AgentConfig.
 *
 * Flow: observe → check → apply → judge the rollout → tell.
 * Guarantees: level-triggered; a repeat on a converged agent writes nothing; while a check blocks, or a new revision does not become
 * ready, pods of the last good revision go on serving, save where the tenant is suspended; no pod is made before the tenant's network policies are there; a tenant's rollouts begin
 * at its pace, and until its turn comes an edit is not yet observed.
 */
import type { Applied, BaseObject, ReconcileContext, Result } from 'kube-runtime';
import type { z } from 'zod';
import { agentConfigSpec } from '../api/agent-config.ts';
import type { Caches } from '../caches.ts';
import { isJudged } from '../api/conditions.ts';
import { configMaps, deployments, type AgentConfig } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { announcements } from '../status/announce.ts';
import { blocking } from '../status/finding.ts';
import { remembered } from '../remembered.ts';
import { refusalOf } from '../status/refusal.ts';
import { together } from '../together.ts';
import type { Arrivals } from './arrivals.ts';
import { archiveAgent } from './archive.ts';
import { check, waitsForRoom, type AgentFinding } from './checks.ts';
import { revisionLabel, revisionOf } from './children/deployment.ts';
import { documentNameOf } from './children/document.ts';
import { handOverReplicas } from './hand-over.ts';
import { documentsOf, isSuspended, landlordOf, observeAgent, type AgentSnapshot, type Landlord } from './observe.ts';
import { endOrphans, orphansOf } from './orphans.ts';
import { childrenOf, outdatedDocuments, planOf, surplus, type AgentPlan } from './plan.ts';
import { availability, rolloutOf } from './rollout.ts';
import type { RolloutPace } from './rollout-pace.ts';
import type { Room } from './room.ts';
import { isAutoscaled, replicasOf } from './scale.ts';
import { agentStatusOf, invalidStatusOf, type AgentOutcome } from './status.ts';
import { stopAgent } from './stop.ts';
import { endStrays } from './strays.ts';

export interface AgentParts {
  readonly caches: Caches;
  readonly configuration: Configuration;
  readonly pace: RolloutPace;
  readonly arrivals: Arrivals;
  readonly room: Room;
}

type Context = ReconcileContext<AgentConfig>;

interface Attempt {
  readonly outcome: AgentOutcome;
  /** The Deployment was written: what comes of it is told when it is seen. */
  readonly begun?: boolean;
  /** Thrown after the status has told of it, so that the run is tried again with growing pauses. */
  readonly error?: Error;
  /** Nothing would wake the agent then. */
  readonly lookAgainMs?: number | undefined;
}

const parseSpec = remembered(({ spec }: AgentConfig) => agentConfigSpec.safeParse(spec));

export async function reconcileAgent(context: Context, { configuration, ...parts }: AgentParts): Promise<Result> {
  const agent = context.object;
  const { caches } = parts;
  const landlord = landlordOf(agent.metadata.namespace ?? '', caches);
  if (landlord?.tenant.metadata.deletionTimestamp) return {}; // the tenant's deletion takes its agents with it
  if (landlord?.spec.state === 'Archived') return closeDown(context, caches);
  const line = lineOf(context, landlord, parts.pace);
  if (line > 0) return { postponedFor: line };
  const parsed = parseSpec(agent);
  if (!parsed.success) {
    await goWithout(context, landlord, caches);
    return tellInvalid(context, parsed.error);
  }
  return settle(context, observeAgent(agent, parsed.data, { caches, configuration, landlord }), parts);
}

/** Milliseconds. One that has its place in line of a rollout is not looked at for each edit meanwhile: who edits in a loop costs others little. */
const lineOf = ({ name }: Context, landlord: Landlord | undefined, pace: RolloutPace): number =>
  landlord && !isSuspended(landlord) ? pace.left(landlord.name, name) : 0;

async function settle(context: Context, seen: AgentSnapshot, parts: Omit<AgentParts, 'configuration'>): Promise<Result> {
  const findings = check(seen);
  parts.room.note(seen, waitsForRoom(findings));
  const plan = blocking(findings) ? undefined : planOf(seen);
  const wait = plan ? turnOf(seen, plan, parts) : silenceOf(seen);
  if (wait > 0) return { postponedFor: wait };
  const { outcome, begun, error, lookAgainMs }: Attempt = plan
    ? await bringAbout(context, seen, plan, parts.caches)
    : await standBy(context, seen, findings, parts.caches);
  if (begun && isNextEdit(seen.agent)) return {};
  const fewest = replicasOf({ spec: seen.spec, suspended: isSuspended(seen.landlord) });
  const hasService = (plan !== undefined && error === undefined) || seen.service !== undefined;
  const serving = availability(outcome.deployment ?? seen.deployment, { fewest, hasService });
  await tell(context, agentStatusOf(seen, { ...outcome, findings: [...outcome.findings, ...serving] }, new Date()));
  if (error) throw error;
  return resultOf(lookAgainMs);
}

/** A pod that serves goes on while its agent cannot be configured. */
async function standBy(context: Context, { landlord }: AgentSnapshot, findings: readonly AgentFinding[], caches: Caches): Promise<Attempt> {
  await goWithout(context, landlord, caches);
  return { outcome: { findings } };
}

/** What an agent that cannot be configured may not have: what an earlier one of its name has left, and, in a suspension, what it ran itself. */
async function goWithout(context: Context, landlord: Landlord | undefined, caches: Caches): Promise<void> {
  await endOrphans(orphansOf(context.object.metadata, caches), context);
  if (isSuspended(landlord)) await stopAgent(context, caches);
}

/**
 * The change of its Deployment comes back and wakes this agent, so what was begun for an edit is told then: a status less, and no other edit waits behind
 * it. Not where one before is untold, too: edits that never pause would leave the status behind for ever.
 */
const isNextEdit = ({ metadata, status }: AgentConfig): boolean =>
  (metadata.generation ?? 0) - Math.max(0, status?.observedGeneration ?? 0) === 1;

/** By then, who waits for an agent is to read what it waits for. */
const longestSilenceMs = 15_000;

/**
 * Milliseconds. What stands in the way of an agent that was applied together with its Tenant is gone in a moment, mostly, and the Tenant's first status
 * wakes it then.
 */
function silenceOf({ agent, landlord }: AgentSnapshot): number {
  if (landlord && isRevisionUnheardOf(landlord)) return unheardOfMs;
  if (!landlord || isJudged(landlord.tenant) || isJudged(agent)) return 0;
  return longestSilenceMs - (Date.now() - Date.parse(agent.metadata.creationTimestamp ?? ''));
}

/** Nothing wakes an agent when it is heard of. */
const unheardOfMs = 2_000;

/** The cache is behind: it says nothing of the agent, least of all to who watches a rollout for agents that are not Ready. */
const isRevisionUnheardOf = ({ tenant, standing }: Landlord): boolean =>
  standing.classExists && standing.tenantClass === undefined && tenant.status?.classRevision !== undefined;

/** Milliseconds until pods may be made, or replaced: a new agent lets new tenants go first. */
function turnOf(seen: AgentSnapshot, plan: AgentPlan, { pace, arrivals }: Pick<AgentParts, 'pace' | 'arrivals'>): number {
  const isNew = !seen.deployment && !isJudged(seen.agent);
  return (isNew && arrivals.courtesy(plan.tenant)) || waitOf(seen, plan, pace);
}

const resultOf = (lookAgainMs: number | undefined): Result => (lookAgainMs === undefined ? {} : { requeueAfter: lookAgainMs });

/** Milliseconds until pods may be made, or replaced. To stop them costs little and must not wait. */
function waitOf({ agent, deployment }: AgentSnapshot, plan: AgentPlan, pace: RolloutPace): number {
  const { tenant, name, suspended } = plan;
  const revision = revisionOf(plan);
  if (deployment?.metadata.labels?.[revisionLabel] === revision) pace.begun(tenant, name);
  else if (!suspended) return pace.wait(tenant, name, `${agent.metadata.uid} ${revision}`);
  return 0;
}

async function tellInvalid(context: Context, { issues }: z.ZodError): Promise<Result> {
  const message = issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`).join('; ');
  await tell(context, invalidStatusOf(context.object, message, new Date()));
  return {};
}

async function closeDown(context: Context, caches: Caches): Promise<Result> {
  const { status, error, lookAgainMs } = await archiveAgent(context, caches);
  await tell(context, status);
  if (error) throw error;
  return resultOf(lookAgainMs);
}

async function bringAbout(context: Context, seen: AgentSnapshot, plan: AgentPlan, caches: Caches): Promise<Attempt> {
  const { cluster, signal, name, namespace } = context;
  const revision = revisionOf(plan);
  try {
    if (isAutoscaled(plan)) await handOverReplicas(seen, plan, context);
    const applied: Applied<BaseObject>[] = [];
    for (const stage of childrenOf(plan)) applied.push(...(await together(stage.map(({ kind, desired }) => context.apply(kind, desired)))));
    const begun = applied.some(({ object, outcome: did }) => object.kind === deployments.kind && (did === 'created' || did === 'changed'));
    for (const { kind, object } of surplus(seen, plan)) await cluster.delete(kind, object, { signal });
    const deployment = caches.deployments.get({ name, namespace });
    const { complete, findings } = rolloutOf(deployment, seen.pods, { revision, fewest: replicasOf(plan) });
    for (const old of outdatedDocuments(seen, documentNameOf(plan), complete))
      await cluster.delete(configMaps, old, { uid: old.uid, signal });
    for (const left of documentsOf(context.object, caches).left) await context.removeLeftOver(configMaps, left);
    const expected = { count: deployment?.status?.replicas ?? 0, since: deployment?.metadata.creationTimestamp };
    const lookAgainMs = await endStrays(context, seen.pods, expected);
    return { outcome: { findings, revision, complete, deployment }, begun, lookAgainMs };
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
