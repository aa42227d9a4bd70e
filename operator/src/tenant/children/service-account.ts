import { agentServiceAccount, namespaceOf } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { serviceAccounts } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';

/** Identity of the agents' pods towards egress. It is bound to no role, and its token for the API server is not even mounted. */
export const serviceAccount = ({ name }: TenantSnapshot): Child =>
  child(serviceAccounts, {
    metadata: { name: agentServiceAccount, namespace: namespaceOf(name), labels: tenantLabels(name) },
    automountServiceAccountToken: false,
  });
