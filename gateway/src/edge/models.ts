import type { TenantPolicy } from '@cloister/tenancy';

/** The tenant's agents in the shape of OpenAI's model list: whoever asks for a model of that name talks to that agent. */
export const agentsAsModels = ({ tenant, agents }: TenantPolicy) => ({
  object: 'list',
  data: agents.map(({ name }) => ({ id: name, object: 'model', created: 0, owned_by: tenant })),
});
