import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Addresses } from '../addresses.ts';
import { component, flags, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';
import { etcdURL } from './etcd.ts';

const pki = `${inside.cluster}/pki`;

export const apiServerPort = 6443;

/** What service account tokens say they were issued by. */
export const tokenIssuer = 'https://kubernetes.default.svc';

export function apiServer({ nodeIP, serviceCIDR }: Addresses): Component {
  const options = flags({
    'etcd-servers': etcdURL,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'bind-address': '0.0.0.0',
    'secure-port': apiServerPort,
    'advertise-address': nodeIP,
    'service-cluster-ip-range': serviceCIDR,
    'service-account-issuer': tokenIssuer,
    'service-account-key-file': `${pki}/service-account.pub`,
    'service-account-signing-key-file': `${pki}/service-account.key`,
    'client-ca-file': `${pki}/ca.crt`,
    'tls-cert-file': `${pki}/api-server.crt`,
    'tls-private-key-file': `${pki}/api-server.key`,
    'kubelet-client-certificate': `${pki}/api-server-kubelet-client.crt`,
    'kubelet-client-key': `${pki}/api-server-kubelet-client.key`,
    'kubelet-certificate-authority': `${pki}/ca.crt`,
    // the node's name is known to no name server
    'kubelet-preferred-address-types': 'InternalIP',
    'allow-privileged': true,
    'audit-policy-file': `${inside.cluster}/config/audit-policy.json`,
    'audit-log-path': `${inside.cluster}/audit.log`,
    'audit-log-maxsize': '1000000', // MB: a log that is rotated half-way cannot be read to its end
  });
  const ready = { url: `https://127.0.0.1:${apiServerPort}/readyz`, ca: `${pki}/ca.crt` };
  return component('kube-apiserver', ['kube', 'kube-apiserver', ...options], { after: ['etcd'], ready });
}

export const leases = [{ group: 'coordination.k8s.io', resources: ['leases'] }];

/**
 * What the audit log holds unless somebody asks for something else: every write, by whom and to what, so that tests can count an
 * operator's writes. Left out: reads, and what the node and the leases of Kubernetes' own components write by the second.
 */
export const everyWrite: readonly object[] = [
  { level: 'None', verbs: ['get', 'list', 'watch'] },
  { level: 'None', userGroups: ['system:nodes'] },
  { level: 'None', users: ['system:kube-controller-manager', 'system:kube-scheduler', 'system:apiserver'], resources: leases },
  { level: 'Metadata', verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
];

export async function writeAuditPolicy(dir: string, rules: readonly object[]): Promise<void> {
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules };
  await writeFile(join(dir, 'config', 'audit-policy.json'), JSON.stringify(policy));
}
