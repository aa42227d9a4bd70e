import type { Addresses } from '../addresses.ts';
import { component, flags, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';
import { nodeName } from './kubelet.ts';

/** Enforces NetworkPolicies. It needs the node object, which the kubelet makes. */
export function netpol({ serviceCIDR }: Addresses): Component {
  const options = flags({
    kubeconfig: `${inside.cluster}/config/admin.kubeconfig`,
    node: nodeName,
    'service-cluster-ip-range': serviceCIDR,
  });
  return component('netpol', ['netpol', ...options], { after: ['kubelet'] });
}
