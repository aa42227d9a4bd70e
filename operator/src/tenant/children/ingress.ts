import { tenantObjectName } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { ingresses } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { TenantSnapshot } from '../observe.ts';

/**
 * Leads the tenant's host to edge. It stands in the system namespace, where edge is: an Ingress reaches only Services of its own
 * namespace, and there no tenant can change it.
 */
export function ingress({ name, host, configuration: { systemNamespace, ingress: settings } }: TenantSnapshot): Child {
  const backend = { service: { name: settings.edgeService, port: { number: settings.edgeServicePort } } };
  return child(ingresses, {
    metadata: {
      name: tenantObjectName(name),
      namespace: systemNamespace,
      labels: tenantLabels(name),
      annotations: Object.keys(settings.annotations).length > 0 ? settings.annotations : undefined,
    },
    spec: {
      ingressClassName: settings.className ?? undefined,
      tls: settings.tlsSecretName ? [{ hosts: [host], secretName: settings.tlsSecretName }] : undefined,
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  });
}
