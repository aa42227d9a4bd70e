import { child, type Child } from '../../child.ts';
import { services } from '../../kinds.ts';
import { agentLabels, agentSelector } from '../../labels.ts';
import type { AgentPlan } from '../plan.ts';

/** Where edge finds the agent: `https://<agent>.tenant-<name>.svc`. */
export const service = ({ tenant, name, namespace }: AgentPlan): Child =>
  child(services, {
    metadata: { name, namespace, labels: agentLabels(tenant, name) },
    spec: {
      type: 'ClusterIP',
      selector: agentSelector(tenant, name),
      ports: [{ name: 'https', port: 443, targetPort: 'https', protocol: 'TCP', appProtocol: 'https' }],
    },
  });
