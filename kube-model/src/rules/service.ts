import { kind } from 'kube-runtime';
import { at, isRecord, recordOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { notAllowed, required, wrong, type FieldError } from './field-error.ts';
import type { ServedKind } from './served-kind.ts';

/**
 * Of type ClusterIP, with or without an address, in a cluster of IPv4 alone. No addresses are given out: a Service that has one has no
 * `clusterIP` here.
 */
export const service: ServedKind = {
  kind: kind('v1', 'Service'),
  status: true,
  unconditionalUpdate: true,
  createOnUpdate: true,
  bare: { spec: {}, status: { loadBalancer: {} } },
  defaults(draft) {
    const { ports, selector, ...rest } = recordOf(draft['spec']);
    draft['spec'] = {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...rest,
      ...(isFull(selector) && { selector }),
      ...(Array.isArray(ports) && ports.length > 0 && { ports: ports.filter(isRecord).map(portDefaults) }),
    };
    draft['status'] = { loadBalancer: {}, ...recordOf(draft['status']) };
  },
  /** The registry gives these out after ownership was settled: nobody owns them but who asks for them. */
  prepare(draft, old) {
    const spec = recordOf(draft['spec']);
    const before = recordOf(old?.['spec']);
    const clusterIP = spec['clusterIP'] ?? before['clusterIP'];
    const twofold = clusterIP === 'None' && !isFull(spec['selector']);
    draft['spec'] = {
      ipFamilies: before['ipFamilies'] ?? (twofold ? ['IPv4', 'IPv6'] : ['IPv4']),
      ipFamilyPolicy: before['ipFamilyPolicy'] ?? (twofold ? 'RequireDualStack' : 'SingleStack'),
      ...spec,
      ...(clusterIP !== undefined && { clusterIP, clusterIPs: [clusterIP] }),
    };
  },
  validate: checkService,
};

const isFull = (map: unknown): boolean => Object.keys(recordOf(map)).length > 0;

const portDefaults = (port: Json): Json => ({ protocol: 'TCP', targetPort: port['port'], ...port });

function checkService(object: StoredObject, old: StoredObject | undefined): FieldError[] {
  const found = at(object, ['spec', 'ports']);
  const ports = Array.isArray(found) ? found.map(recordOf) : [];
  const clusterIP = at(object, ['spec', 'clusterIP']);
  const names = ports.map(({ name }) => name);
  return [
    ...(ports.length === 0 && clusterIP !== 'None' ? [required('spec.ports')] : []),
    ...(ports.length > 1 && names.includes(undefined) ? [required('spec.ports[].name')] : []),
    ...(new Set(names).size < names.length ? [wrong('spec.ports[].name', 'is there twice')] : []),
    ...(old && at(old, ['spec', 'clusterIP']) !== clusterIP ? [wrong('spec.clusterIPs[0]', 'may not change once set')] : []),
    ...(isFull(at(object, ['spec', 'selector'])) && at(object, ['spec', 'ipFamilyPolicy']) === 'RequireDualStack'
      ? [wrong('spec.ipFamilyPolicy', 'this cluster is not configured for dual-stack services')]
      : []),
    ...(at(object, ['status', 'loadBalancer', 'ingress']) === undefined
      ? []
      : [notAllowed('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'")]),
  ];
}
