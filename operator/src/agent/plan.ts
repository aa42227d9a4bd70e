import type { BaseObject, Head, Kind } from 'kube-runtime';
import type { AgentConfigSpec } from '../api/agent-config.ts';
import type { Child } from '../child.ts';
import { horizontalPodAutoscalers, podDisruptionBudgets } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { interned, remembered } from '../remembered.ts';
import type { Standing } from '../tenant/standing.ts';
import { autoscaler } from './children/autoscaler.ts';
import { deployment } from './children/deployment.ts';
import { disruptionBudget } from './children/disruption-budget.ts';
import { documentConfigMap } from './children/document.ts';
import { service } from './children/service.ts';
import { isSuspended, type AgentSnapshot } from './observe.ts';
import { isAutoscaled, replicasOf } from './scale.ts';

/** A snapshot in which nothing is missing: what the children are built from. */
export interface AgentPlan {
  readonly name: string;
  readonly namespace: string;
  readonly tenant: string;
  readonly spec: AgentConfigSpec;
  readonly standing: Standing;
  readonly configuration: Configuration;
  readonly credentials: string;
  readonly hasAuthorities: boolean;
  readonly suspended: boolean;
}

/** Undefined where checks would block. */
export function planOf(seen: AgentSnapshot): AgentPlan | undefined {
  const { name, namespace, spec, configuration, credentials, hasAuthorities, landlord } = seen;
  if (!landlord) return undefined;
  return latestPlans(configuration)({
    name,
    namespace,
    spec,
    configuration,
    credentials,
    hasAuthorities,
    tenant: landlord.name,
    standing: landlord.standing,
    suspended: isSuspended(landlord),
  });
}

/** A rollout wakes its agent a dozen times, and nothing of the plan has changed since. */
const latestPlans = remembered((_: Configuration) =>
  interned<AgentPlan>({
    limit: 128,
    about: ({ namespace, name }) => `${namespace}/${name}`,
    text: (plan) => JSON.stringify({ ...plan, configuration: undefined }),
  }),
);

/**
 * In stages, each of which needs the one before. What pods mount is made beside them: by the time a kubelet hears of a pod it has been there for long,
 * mostly, and where it is not, the kubelet tries again while pods of the revision before go on serving.
 */
export const childrenOf = remembered((plan: AgentPlan): readonly (readonly Child[])[] => [
  [documentConfigMap(plan), deployment(plan), service(plan), ...(needsBudget(plan) ? [disruptionBudget(plan)] : [])],
  autoscaler(plan),
]);

const needsBudget = (plan: AgentPlan): boolean => isAutoscaled(plan) || replicasOf(plan) > 1;

/** Objects that were wanted before: a range to scale in, or more than one pod. */
export const surplus = ({ disruptionBudget, autoscaler }: AgentSnapshot, plan: AgentPlan): Surplus[] => [
  ...(disruptionBudget && !needsBudget(plan) ? [{ kind: podDisruptionBudgets, object: disruptionBudget }] : []),
  ...(autoscaler && !isAutoscaled(plan) ? [{ kind: horizontalPodAutoscalers, object: autoscaler }] : []),
];

interface Surplus {
  readonly kind: Kind<BaseObject>;
  readonly object: BaseObject;
}

/** How many documents of earlier revisions are kept while a rollout is under way: pods of the last good one need theirs. */
const keptDuringRollout = 5;

/** ConfigMaps that no pod will need again. */
export function outdatedDocuments(seen: AgentSnapshot, current: string, rolledOut: boolean): Head[] {
  const others = seen.documents.filter(({ name }) => name !== current);
  if (rolledOut) return others;
  const mounted = new Set(seen.pods.flatMap(documentsMountedBy));
  const age = ({ creationTimestamp }: Head) => creationTimestamp ?? '';
  return [...others]
    .sort((a, b) => (age(a) < age(b) ? 1 : -1))
    .slice(keptDuringRollout)
    .filter(({ name }) => !mounted.has(name));
}

const documentsMountedBy = ({ spec }: AgentSnapshot['pods'][number]): string[] =>
  (spec?.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []);
