/**
 * Which objects were made for an agent and belong to no AgentConfig any more: `kubectl delete agentconfig --cascade=orphan`, and backups that restore objects
 * without their owners, leave such ones. Nobody would ever change or end them.
 */
import { labels, namespaceOf } from '@cloister/tenancy';
import { controllerOf, keyOf, type BaseObject } from 'kube-runtime';
import type { Deployment } from '../kinds.ts';
import { agentLabels, agentSelector } from '../labels.ts';

type Labels = Readonly<Record<string, string>>;

/** Index of all kinds that are made for an agent: what the agent of this key has lost. */
export const orphaned = 'orphaned';

/**
 * For that index. By labels that nobody but the operator gives in a tenant's namespace, which admission sees to; an object of which another controller takes
 * care is that one's.
 */
export function lostBy(object: BaseObject): string[] {
  const { labels: given = {}, namespace } = object.metadata;
  const [tenant, name] = [given[labels.tenant], given[labels.agent]];
  if (tenant === undefined || name === undefined || controllerOf(object)) return [];
  return namespaceOf(tenant) === namespace && bears(given, agentLabels(tenant, name)) ? [keyOf({ name, namespace })] : [];
}

/** Admission looks at the labels of its pods, not at a Deployment's own. Its selector must match those, and never changes. */
export function deploymentLostBy(deployment: Deployment): string[] {
  const { labels: given = {} } = deployment.metadata;
  const selected = agentSelector(given[labels.tenant] ?? '', given[labels.agent] ?? '');
  return bears(deployment.spec.selector?.matchLabels ?? {}, selected) ? lostBy(deployment) : [];
}

export const bears = (given: Labels, wanted: Labels): boolean => Object.entries(wanted).every(([key, value]) => given[key] === value);
