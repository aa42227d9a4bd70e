import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Addresses } from '../addresses.ts';
import { cgroupOf } from '../cgroups.ts';
import { component, flags, type Component } from '../machine/plan.ts';
import { inside } from '../paths.ts';
import { containerdSocket } from './containerd.ts';

export const nodeName = 'node';

export function kubelet({ nodeIP }: Addresses): Component {
  const options = flags({
    config: `${inside.cluster}/config/kubelet.yaml`,
    kubeconfig: `${inside.cluster}/config/kubelet.kubeconfig`,
    'hostname-override': nodeName,
    'node-ip': nodeIP,
  });
  return component('kubelet', ['kube', 'kubelet', ...options], {
    after: ['containerd', 'kube-apiserver'],
    ready: { url: 'http://127.0.0.1:10248/healthz' },
  });
}

export async function writeKubeletConfig(dir: string, name: string, { dnsIP }: Addresses): Promise<void> {
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: `${inside.cluster}/pki/ca.crt` } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${inside.cluster}/pki/kubelet-server.crt`,
    tlsPrivateKeyFile: `${inside.cluster}/pki/kubelet-server.key`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupOf(name)}`,
    failSwapOn: false,
    failCgroupV1: false,
    oomScoreAdj: 0,
    localStorageCapacityIsolation: true,
    clusterDomain: 'cluster.local',
    clusterDNS: [dnsIP],
    resolvConf: `${inside.cluster}/config/resolv.conf`,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    maxPods: 250,
    // images are imported, so collecting one as garbage would be for good
    imageGCHighThresholdPercent: 100,
    imageMinimumGCAge: '720h',
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    serializeImagePulls: false,
    // how often mounted Secrets and ConfigMaps follow theirs; a minute would be most of the time that a test of rotation takes
    syncFrequency: '2s',
  };
  await mkdir(join(dir, 'config'), { recursive: true });
  await writeFile(join(dir, 'config', 'kubelet.yaml'), stringify(config));
  await writeFile(join(dir, 'config', 'resolv.conf'), 'search localdomain\n');
}

/**
 * The kubelet would change settings of the whole machine to what it likes. It is shown files that already say so, and leaves the
 * real ones alone.
 */
const kernelSettings: Readonly<Record<string, string>> = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

export function coverKernelSettings(): string[][] {
  return Object.entries(kernelSettings).flatMap(([setting, value]) => {
    const cover = `/run/covered/${setting}`;
    return [
      ['sh', '-c', `mkdir -p "$(dirname "$0")" && echo ${value} >"$0"`, cover],
      ['mount', '--bind', cover, `/proc/sys/${setting}`],
    ];
  });
}
