import { agentAudienceOf, canonicalJSON, edgeIssuer, type AgentDocument } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { shortHash } from '../../hash.ts';
import { configMaps } from '../../kinds.ts';
import { agentLabels } from '../../labels.ts';
import { documentKey } from '@cloister/tenancy';
import type { AgentPlan } from '../plan.ts';

export function agentDocumentOf({ name, tenant, spec, configuration }: AgentPlan): AgentDocument {
  const { model, fallbacks, parameters, instructions, memory, limits, settings } = spec;
  return {
    tenant,
    agent: name,
    egressURL: configuration.agentRuntime.egressURL,
    identity: { issuer: edgeIssuer, audience: agentAudienceOf(tenant) },
    model,
    fallbacks,
    parameters,
    instructions,
    memory,
    limits,
    settings,
  };
}

export const documentNameOf = (plan: AgentPlan): string => `${plan.name}-${shortHash(agentDocumentOf(plan))}`;

/** Immutable and named by its content: old pods keep what they started with, and a rollout is a change of name. */
export const documentConfigMap = (plan: AgentPlan): Child =>
  child(configMaps, {
    metadata: { name: documentNameOf(plan), namespace: plan.namespace, labels: agentLabels(plan.tenant, plan.name) },
    immutable: true,
    data: { [documentKey]: canonicalJSON(agentDocumentOf(plan)) },
  });
