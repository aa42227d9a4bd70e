import { namespaces } from '@cloister/tenancy';
import { connect } from 'kube-runtime';
import { countsAgentConfigs, probeName } from '../../operator/src/tenant/children/resource-quota.ts';
import { resourceQuotas } from '../../operator/src/kinds.ts';
import { until } from '../e2e/support/until.ts';

const probe = { name: probeName, namespace: namespaces.system };

/**
 * Resolves once Kubernetes counts AgentConfigs, from when on the operator has each tenant's quota do so: one write for each that is there already, which who
 * looks for writes at rest must not take for one. A quota is looked at when its spec changes, and every five minutes otherwise: here it is changed, to and fro.
 */
export async function agentConfigsCounted(kubeconfig: string): Promise<void> {
  const client = await connect({ kubeconfig, fieldManager: 'test' });
  const allow = (most: number) =>
    client.patch(resourceQuotas, probe, { spec: { hard: { 'count/agentconfigs.cloister.dev': String(most) } } });
  let most = 0;
  const counted = async (): Promise<boolean> => {
    const quota = await client.get(resourceQuotas, probe);
    if (quota && countsAgentConfigs(quota)) return true;
    await allow((most = 1 - most));
    return false;
  };
  try {
    await until('AgentConfigs to be counted', counted, { within: 360_000, every: 2_000 });
    if (most > 0) await allow(0);
  } finally {
    await client.close();
  }
}
