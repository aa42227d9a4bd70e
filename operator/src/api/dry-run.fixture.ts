/** What the API server would make of `kubectl apply`. */
import { apiVersion } from '@cloister/tenancy';
import { KubeError, type Cluster } from 'kube-runtime';

const plurals: Readonly<Record<string, string>> = {
  Tenant: 'tenants',
  TenantClass: 'tenantclasses',
  ModelProvider: 'modelproviders',
  AgentConfig: 'namespaces/default/agentconfigs',
};

/** The object as stored, without storing it; the message where it is refused. */
export async function dryRunOn(cluster: Cluster, kindName: string, name: string, spec: unknown): Promise<unknown> {
  try {
    return await cluster.request({
      method: 'POST',
      path: `/apis/${apiVersion}/${plurals[kindName] ?? ''}`,
      query: { dryRun: 'All', fieldValidation: 'Strict' },
      body: { apiVersion, kind: kindName, metadata: { name }, spec },
    });
  } catch (error) {
    if (error instanceof KubeError) return error.message;
    throw error;
  }
}
