import type { Addresses } from '../addresses.ts';
import { component, flags, type Component, type Flags } from '../machine/plan.ts';
import { inside } from '../paths.ts';

const pki = `${inside.cluster}/pki`;

export function controllerManager({ podCIDR, serviceCIDR }: Addresses, more: Flags = {}): Component {
  const options = flags({
    kubeconfig: `${inside.cluster}/config/controller-manager.kubeconfig`,
    'root-ca-file': `${pki}/ca.crt`,
    'service-account-private-key-file': `${pki}/service-account.key`,
    'use-service-account-credentials': true,
    'cluster-cidr': podCIDR,
    'service-cluster-ip-range': serviceCIDR,
    'cluster-signing-cert-file': `${pki}/ca.crt`,
    'cluster-signing-key-file': `${pki}/ca.key`,
    // there is never a second one to take over from
    'leader-elect': false,
    // a HorizontalPodAutoscaler or a quota is looked at again soon enough for a test to wait for it
    'horizontal-pod-autoscaler-sync-period': '5s',
    // the only node is this machine: one that was heard late, because the API server was away or others had the processors, is not lost
    'node-monitor-grace-period': '3m',
    ...more,
  });
  const ready = { url: 'https://127.0.0.1:10257/healthz' };
  return component('kube-controller-manager', ['kube', 'kube-controller-manager', ...options], { after: ['kube-apiserver'], ready });
}
