import { labels, namespaceOf } from '@cloister/tenancy';
import { endStrays } from '../../agent/strays.ts';
import { agentConfigs, deployments, pods } from '../../kinds.ts';
import type { Progress, Retirement } from '../retire.ts';
import { ownNamespace } from './own-namespace.ts';

/** No agent may write to a schema that is being dropped: over when the last pod is gone. */
export async function stopAgents(retirement: Retirement): Promise<Progress> {
  const { tenant, context } = retirement;
  const { cluster, signal } = context;
  if (!(await ownNamespace(retirement))) return {};
  const namespace = namespaceOf(tenant.metadata.name);
  const ofTenant = { namespace, labelSelector: `${labels.tenant}=${tenant.metadata.name}` };
  const agents = await cluster.list(agentConfigs, { namespace }, { signal });
  const workloads = await cluster.list(deployments, ofTenant, { signal });
  for (const agent of agents) if (!agent.metadata.deletionTimestamp) await cluster.delete(agentConfigs, agent, { signal });
  for (const workload of workloads) if (!workload.metadata.deletionTimestamp) await cluster.delete(deployments, workload, { signal });

  const left = await cluster.list(pods, ofTenant, { signal });
  if (agents.length + workloads.length === 0) await endStrays(context, left, { count: 0, since: tenant.metadata.deletionTimestamp });
  const going = agents.length + workloads.length + left.length;
  return {
    ...(agents.length + workloads.length > 0 && {
      did: { type: 'Normal', reason: 'StoppingAgents', message: `${agents.length} agents are told to end` } as const,
    }),
    ...(going > 0 && { waitingFor: left.length > 0 ? `${left.length} pods of agents to end` : 'agents to end' }),
  };
}
