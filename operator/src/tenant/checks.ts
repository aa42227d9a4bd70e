/**
 * Everything that can stand in a tenant's way, in the order in which it would be met.
 *
 * A check is one sentence about the snapshot: nothing when all is well, else findings. To add a rule, add a check and a row to the table
 * in checks.test.ts. Checks do no I/O and never look at each other.
 */
import { labels, namespaceOf } from '@cloister/tenancy';
import type { Finding } from '../status/finding.ts';

import { agentsPolicy, policyNames } from './children/network-policies.ts';
import { openings, type Opening } from './isolation/openings.ts';
import { idlePatterns } from '../provider/offers.ts';
import { knownTimeZone } from './limits.ts';
import type { TenantSnapshot } from './observe.ts';
import { providerKeysAreUsable } from './provider-keys.ts';
import { stateReached } from './state-reached.ts';
import { splitsAreAnswered } from './traffic-splits.ts';
import { isTenants } from './whose-namespace.ts';

export const parts = [
  'NamespaceReady',
  'QuotaReady',
  'NetworkIsolated',
  'CredentialsReady',
  'DataReady',
  'EndpointReady',
  'ModelsReady',
  'AgentsReady',
] as const;
/** Named for the trouble: True is bad. They keep nothing from being Ready, since an administrator may mean it. */
export const widenings = ['EgressWidened', 'IngressWidened'] as const;
export const warnings = [...widenings, 'BudgetExceeded'] as const;
export type Part = (typeof parts)[number] | (typeof warnings)[number];
export type TenantFinding = Finding<Part>;

type Check = (seen: TenantSnapshot) => TenantFinding | readonly TenantFinding[] | undefined;

const checks: readonly Check[] = [
  classExists, // without its class nothing else can be decided
  revisionExists, // nor without a revision of it
  namespaceIsOurs, // never write into a namespace that nobody gave us
  namespaceStays,
  withinCeilings,
  timeZoneExists,
  hostIsFree,
  issuersAreFree,
  sharedSecretIsUsable,
  providerKeysAreUsable,
  serviceAccountExists,
  modelsExist,
  cheaperModelsExist,
  defaultAgentExists,
  splitsAreAnswered,
  agentsAreReady,
  nothingIsWidened,
  budgetLasts,
];

export const check = (seen: TenantSnapshot): TenantFinding[] => checks.flatMap((rule) => rule(seen) ?? []);

function classExists({ spec, standing }: TenantSnapshot): TenantFinding | undefined {
  if (standing.classExists) return undefined;
  // To stop a tenant takes no class: nothing of what a class decides matters then.
  const finding = { condition: 'QuotaReady', reason: 'ClassNotFound', blocks: spec.state === 'Active' } as const;
  if (spec.classRef)
    return {
      ...finding,
      message: `spec.classRef.name is "${spec.classRef.name}", which is no TenantClass; create it or choose one of "kubectl get tenantclasses"`,
    };
  if (standing.defaults.length > 1)
    return {
      ...finding,
      reason: 'SeveralDefaults',
      message: `spec.classRef is not set and TenantClasses ${standing.defaults.join(', ')} all say spec.default; leave it to one of them, or set spec.classRef.name`,
    };
  return {
    ...finding,
    message: 'spec.classRef is not set and no TenantClass says spec.default; set spec.classRef.name, or spec.default on a class',
  };
}

function revisionExists({ spec, standing, configuration }: TenantSnapshot): TenantFinding | undefined {
  const { classExists, className = '', tenantClass, unknownPin } = standing;
  const blocks = !tenantClass && spec.state === 'Active';
  if (unknownPin !== undefined) {
    const stays = tenantClass ? `; it stays on ${tenantClass.revision}` : '';
    const choice = `kubectl get controllerrevisions -n ${configuration.systemNamespace} -l ${labels.tenantClass}=${className}`;
    const message = `spec.classRef.revision is "${unknownPin}", which is no revision of TenantClass "${className}"${stays}; choose one of "${choice}", or remove it`;
    return { condition: 'QuotaReady', reason: 'RevisionUnknown', message, blocks };
  }
  if (!classExists || tenantClass) return undefined;
  return {
    condition: 'QuotaReady',
    reason: 'Pending',
    message: `a revision of TenantClass "${className}" is awaited; see its status`,
    blocks,
  };
}

function namespaceIsOurs({ tenant, name, namespace }: TenantSnapshot): TenantFinding | undefined {
  if (!namespace || isTenants(namespace, tenant)) return undefined;
  return {
    condition: 'NamespaceReady',
    reason: 'NamespaceTaken',
    message: `namespace "${namespaceOf(name)}" exists and is not this tenant's; label it ${labels.tenant}=${name} to hand it over, or delete it`,
    blocks: true,
  };
}

function namespaceStays({ name, namespace }: TenantSnapshot): TenantFinding | undefined {
  if (!namespace?.metadata.deletionTimestamp) return undefined;
  return {
    condition: 'NamespaceReady',
    reason: 'NamespaceTerminating',
    message: `namespace "${namespaceOf(name)}" is still being deleted; it is made anew once it is gone`,
    blocks: true,
  };
}

function withinCeilings({ standing }: TenantSnapshot): TenantFinding[] {
  return standing.cuts.map(({ field, asked, ceiling }) => ({
    condition: 'QuotaReady',
    reason: 'AboveClassCeiling',
    message: field.startsWith('spec.network.egress.')
      ? `${field} has ${asked}, beyond the ceiling of class "${standing.className ?? ''}" (${ceiling}); that is left out until one of them is changed`
      : `${field} is ${asked}, above the ${ceiling} of class "${standing.className ?? ''}"; ${ceiling} applies until one of them is changed`,
    blocks: false,
  }));
}

function timeZoneExists({ spec }: TenantSnapshot): TenantFinding | undefined {
  const zone = spec.budget?.timeZone;
  if (zone === undefined || knownTimeZone(zone) !== undefined) return undefined;
  return {
    condition: 'QuotaReady',
    reason: 'TimeZoneUnknown',
    message: `spec.budget.timeZone is "${zone}", which is no IANA time zone; UTC applies until it is changed, for example to Europe/Vienna`,
    blocks: false,
  };
}

function hostIsFree({ host, hostTakenBy }: TenantSnapshot): TenantFinding | undefined {
  if (hostTakenBy === undefined) return undefined;
  return {
    condition: 'EndpointReady',
    reason: 'HostTaken',
    message: `host "${host}" belongs to tenant "${hostTakenBy}"; set another spec.network.host`,
    blocks: false,
  };
}

function issuersAreFree({ spec, takenIssuers }: TenantSnapshot): TenantFinding[] {
  return [...takenIssuers].map(([index, other]) => ({
    condition: 'CredentialsReady',
    reason: 'IssuerTaken',
    message: `spec.access.oidc[${index}] (${spec.access.oidc[index]?.issuer ?? ''}) is shared with tenant "${other}"; both must set tenantClaim, or use another audience`,
    blocks: false,
  }));
}

function sharedSecretIsUsable({ name, spec, sharedSecret }: TenantSnapshot): TenantFinding | undefined {
  const ref = spec.access.hs256?.secretRef;
  if (!ref || !sharedSecret || sharedSecret.state === 'usable') return undefined;
  const where = `spec.access.hs256.secretRef names Secret "${ref.name}" in namespace "${namespaceOf(name)}"`;
  const problem = {
    missing: { reason: 'SecretMissing', says: `which does not exist; create it with key "${ref.key}"` },
    'no key': { reason: 'SecretInvalid', says: `which has no key "${ref.key}"; add it or name another` },
    short: { reason: 'SecretInvalid', says: `whose key "${ref.key}" is shorter than 32 bytes; use a longer secret` },
  } as const;
  const { reason, says } = problem[sharedSecret.state];
  return { condition: 'CredentialsReady', reason, message: `${where}, ${says}`, blocks: false };
}

function serviceAccountExists({ serviceAccountUID }: TenantSnapshot): TenantFinding | undefined {
  if (serviceAccountUID !== undefined) return undefined;
  return { condition: 'CredentialsReady', reason: 'Pending', message: 'the ServiceAccount of the agents is being made', blocks: false };
}

function modelsExist({ spec, standing }: TenantSnapshot): TenantFinding[] {
  return idlePatterns(spec.models?.allow ?? [], standing.models).map((pattern) => {
    const provider = standing.providers.find(({ name }) => pattern.startsWith(`${name}/`));
    const wantsKey = provider?.spec.ownKeys === 'Required' && !spec.providerKeys?.some((entry) => entry.provider === provider.name);
    const remedy = wantsKey ? "it wants a key of the tenant's own, in spec.providerKeys" : 'see "kubectl get modelproviders"';
    return {
      condition: 'ModelsReady',
      reason: 'ModelUnknown',
      message: `spec.models.allow has "${pattern}", which is no model that a ModelProvider offers to this tenant within its class; ${remedy}`,
      blocks: false,
    };
  });
}

function cheaperModelsExist({ spec, standing }: TenantSnapshot): TenantFinding[] {
  const unusable = (spec.budget?.downgradeTo ?? []).filter((model) => !standing.chatModels.includes(model));
  return unusable.map((model) => ({
    condition: 'ModelsReady',
    reason: 'ModelUnknown',
    message: `spec.budget.downgradeTo has "${model}", with which this tenant's agents cannot talk, so it answers in nobody's place; add it to spec.models.allow, or name another`,
    blocks: false,
  }));
}

function defaultAgentExists({ name, spec, agents }: TenantSnapshot): TenantFinding | undefined {
  const { defaultAgent } = spec;
  // Agents come after their tenant; until the first one is there, nothing is wrong.
  if (defaultAgent === undefined || agents.length === 0 || agents.some((agent) => agent.metadata.name === defaultAgent)) return undefined;
  return {
    condition: 'AgentsReady',
    reason: 'AgentNotFound',
    message: `spec.defaultAgent is "${defaultAgent}", which is no AgentConfig in namespace "${namespaceOf(name)}"; create it or name another`,
    blocks: false,
  };
}

function agentsAreReady({ agents, spec: { state } }: TenantSnapshot): TenantFinding | undefined {
  const waiting = agents.filter((agent) => stateReached(agent) !== state).map((agent) => agent.metadata.name);
  if (waiting.length === 0) return undefined;
  const what = state === 'Active' ? 'do not serve, or not as configured' : 'are not known to have stopped';
  return {
    condition: 'AgentsReady',
    reason: 'AgentsNotReady',
    message: `${what}: ${waiting.sort().join(', ')}; see "kubectl get agentconfigs"`,
    blocks: false,
  };
}

/** More are not named: whoever mends the first ones is shown the next. */
const mostNamed = 5;

function nothingIsWidened(seen: TenantSnapshot): TenantFinding[] {
  const { name, networkPolicies: policies } = seen;
  const all = openings({ tenant: name, namespace: namespaceOf(name), allowed: agentsPolicy(seen), policies });
  return (['egress', 'ingress'] as const).flatMap((direction) => {
    const found = all.filter((opening) => opening.direction === direction);
    return found.slice(0, mostNamed).map((opening, index) => ({
      condition: direction === 'egress' ? 'EgressWidened' : 'IngressWidened',
      reason: 'PolicyWidens',
      message: `${describe(opening)}${index === mostNamed - 1 && found.length > mostNamed ? `; and ${found.length - mostNamed} rules more` : ''}`,
      blocks: false,
    }));
  });
}

/** What it costs to be refused is told by the budget's alerts; this is for one look. */
function budgetLasts({ usage }: TenantSnapshot): TenantFinding[] {
  return (['daily', 'monthly'] as const).flatMap((kind) => {
    const { percent = 0, startsOn = '' } = usage?.[kind] ?? {};
    if (percent < 100) return [];
    const message = `the ${kind} budget that began on ${startsOn} is spent, so calls are refused until it renews; raise spec.budget.${kind} to let them go on`;
    return [{ condition: 'BudgetExceeded', reason: 'BudgetSpent', message, blocks: false }];
  });
}

const describe = ({ policy, direction, rule, opens }: Opening): string =>
  `NetworkPolicy "${policy}" ${rule} lets ${direction === 'egress' ? `agents reach ${opens}` : `agents be reached by ${opens}`}, which policy "${policyNames.agents}" does not; delete the policy or narrow the rule`;
