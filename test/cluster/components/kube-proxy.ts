import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Addresses } from '../addresses.ts';
import { component, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';
import { nodeName } from './kubelet.ts';

export function kubeProxy(): Component {
  return component('kube-proxy', ['kube', 'kube-proxy', `--config=${inside.cluster}/config/kube-proxy.yaml`], {
    after: ['kube-apiserver'],
    ready: { url: 'http://127.0.0.1:10249/healthz' },
  });
}

export async function writeKubeProxyConfig(dir: string, { podCIDR }: Addresses): Promise<void> {
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: `${inside.cluster}/config/proxy.kubeconfig` },
    hostnameOverride: nodeName,
    mode: 'nftables',
    clusterCIDR: podCIDR,
    // the table of connections is the kernel's, shared with the machine outside
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    // an endpoint that comes or goes is followed at once, not once a second
    nftables: { minSyncPeriod: '100ms' },
  };
  await writeFile(join(dir, 'config', 'kube-proxy.yaml'), stringify(config));
}
