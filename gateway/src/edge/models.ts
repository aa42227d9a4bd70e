import type { TenantPolicy } from '@cloister/tenancy';

/** The tenant's agents, and the names that several of them share, in the shape of OpenAI's model list: whoever asks for a model of that name talks to that agent. */
export const agentsAsModels = ({ tenant, agents, trafficSplits = [] }: TenantPolicy) => ({
  object: 'list',
  data: [...new Set([...agents, ...trafficSplits].map(({ name }) => name))].map((id) => ({
    id,
    object: 'model',
    created: 0,
    owned_by: tenant,
  })),
});

/** The one of these that a target asks for: `/v1/models/` and its name. Undefined where it asks for something else. */
export function agentAsModel(target: string, policy: TenantPolicy) {
  const [, id] = /^\/v1\/models\/([^/?]+)(?:\?|$)/.exec(target) ?? [];
  return id === undefined ? undefined : agentsAsModels(policy).data.find((model) => model.id === id);
}
