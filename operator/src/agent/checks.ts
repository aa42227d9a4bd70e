/** Everything that can stand in an agent's way, in the order in which it would be met. See `tenant/checks.ts` for the rules of checks. */
import { labels } from '@cloister/tenancy';
import type { Finding } from '../status/finding.ts';
import type { AgentSnapshot } from './observe.ts';

export const parts = ['EnvironmentReady', 'ModelAllowed', 'RolledOut', 'Available'] as const;
export type Part = (typeof parts)[number];
export type AgentFinding = Finding<Part>;

type Check = (seen: AgentSnapshot) => AgentFinding | readonly AgentFinding[] | undefined;

const checks: readonly Check[] = [
  namespaceIsATenants,
  tenantStays,
  tenantHasAClass, // without it nobody knows which models are allowed
  withinQuota,
  environmentStands, // no pod before its walls
  modelsAreAllowed,
];

export const check = (seen: AgentSnapshot): AgentFinding[] => {
  for (const rule of checks) {
    const found = [rule(seen) ?? []].flat();
    // What comes after the first obstacle cannot be judged yet, and would only repeat it in other words.
    if (found.length > 0) return found;
  }
  return [];
};

function namespaceIsATenants({ namespace, landlord }: AgentSnapshot): AgentFinding | undefined {
  if (landlord) return undefined;
  return {
    condition: 'EnvironmentReady',
    reason: 'NamespaceNotTenant',
    message: `namespace "${namespace}" belongs to no Tenant (label ${labels.tenant}); put the AgentConfig into a namespace "tenant-<name>"`,
    blocks: true,
  };
}

function tenantStays({ landlord }: AgentSnapshot): AgentFinding | undefined {
  if (!landlord?.tenant.metadata.deletionTimestamp) return undefined;
  return { condition: 'EnvironmentReady', reason: 'Deleting', message: `Tenant "${landlord.name}" is being deleted`, blocks: true };
}

function tenantHasAClass({ landlord }: AgentSnapshot): AgentFinding | undefined {
  if (!landlord || landlord.standing.tenantClass) return undefined;
  const message = `Tenant "${landlord.name}" has no class; see its status`;
  return { condition: 'EnvironmentReady', reason: 'Pending', message, blocks: true };
}

/** Those that came first run. One that already ran when the quota was lowered goes on serving, as Kubernetes' own quotas would have it. */
function withinQuota({ landlord, older }: AgentSnapshot): AgentFinding | undefined {
  const most = landlord?.standing.limits.quota.agents;
  if (landlord === undefined || most === undefined || older < most) return undefined;
  return {
    condition: 'EnvironmentReady',
    reason: 'TooManyAgents',
    // Not how many are older: it would have to be told anew, to all of them, whenever one goes.
    message: `Tenant "${landlord.name}" may have ${most} AgentConfigs (spec.quota.agents), and at least as many are older; delete one, or have the quota raised`,
    blocks: true,
  };
}

export const waitsForRoom = (findings: readonly AgentFinding[]): boolean => findings.some(({ reason }) => reason === 'TooManyAgents');

function environmentStands({ awaited }: AgentSnapshot): AgentFinding | undefined {
  if (awaited.length === 0) return undefined;
  return { condition: 'EnvironmentReady', reason: 'Pending', message: `waiting for ${awaited.join(', ')} of the tenant`, blocks: true };
}

function modelsAreAllowed({ spec, landlord }: AgentSnapshot): AgentFinding[] {
  const allowed = new Set(landlord?.standing.chatModels);
  const forEmbeddings = (model: string) => landlord?.standing.models.includes(model) === true;
  const named: [string, string][] = [
    ['spec.model', spec.model],
    ...spec.fallbacks.map((model, index): [string, string] => [`spec.fallbacks[${index}]`, model]),
    ...(spec.budget?.downgradeTo ?? []).map((model, index): [string, string] => [`spec.budget.downgradeTo[${index}]`, model]),
    ...(spec.settings.models ?? []).map((model, index): [string, string] => [`spec.settings.models[${index}]`, model]),
  ];
  const remedy =
    allowed.size > 0
      ? `choose one of ${shortList([...allowed])}, or have it added to spec.models.allow of the Tenant`
      : 'the Tenant may use no model yet; set spec.models.allow on it or on its TenantClass';
  return named
    .filter(([, model]) => !allowed.has(model))
    .map(([field, model]) => ({
      condition: 'ModelAllowed',
      reason: 'ModelNotAllowed',
      message: forEmbeddings(model)
        ? `${field} is "${model}", which its ModelProvider offers for embeddings only; ${remedy}`
        : `${field} is "${model}", which Tenant "${landlord?.name ?? ''}" may not use; ${remedy}`,
      blocks: true,
    }));
}

const shortList = (names: readonly string[]): string =>
  names.length > 8 ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more` : names.join(', ');
