/** Labels of what the operator makes. */
import { components, labels, managedBy } from '@cloister/tenancy';

type Labels = Readonly<Record<string, string>>;

const common: Labels = { [labels.name]: 'cloister', [labels.managedBy]: managedBy };

export const systemLabels: Labels = common;
export const tenantLabels = (tenant: string): Labels => ({ ...common, [labels.tenant]: tenant });
/** What selects the pods of one agent; a Deployment cannot change its selector, so nothing may ever be added here. */
export const agentSelector = (tenant: string, agent: string): Labels => ({
  [labels.name]: 'cloister',
  [labels.component]: components.agent,
  [labels.tenant]: tenant,
  [labels.agent]: agent,
});
export const agentLabels = (tenant: string, agent: string): Labels => ({ ...tenantLabels(tenant), ...agentSelector(tenant, agent) });
