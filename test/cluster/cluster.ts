import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Addresses } from './addresses.ts';
import { makeCgroups } from './cgroups.ts';
import { containerd, writeContainerdConfig } from './components/containerd.ts';
import { bundleIngressController, ingress } from './components/ingress.ts';
import { kubeProxy, writeKubeProxyConfig } from './components/kube-proxy.ts';
import { coverKernelSettings, kubelet, writeKubeletConfig } from './components/kubelet.ts';
import { netpol } from './components/netpol.ts';
import { podNetwork, writePodNetworkConfig } from './components/pod-network.ts';
import { scheduler } from './components/scheduler.ts';
import { controlPlaneComponents, prepareControlPlane } from './control-plane.ts';
import { makeCredentials } from './credentials.ts';
import { clusterImages, fetchAhead } from './images/images.ts';
import { furnish, settleIn } from './furnish.ts';
import { mounts, network } from './machine/setup.ts';
import { dataDirectories, dataUser } from './manifests/data.ts';
import { installRunningPackages } from './packages.ts';
import { buildPrograms, programPath, type Builds } from './programs/build.ts';
import { silent, type Progress } from './progress.ts';
import { start } from './start.ts';
import { clusterStatus, type Cluster } from './status.ts';
import { ClusterError } from './errors.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly progress?: Progress;
}

const programs = ['node', 'kube', 'containerd', 'netpol', 'coredns', 'helm', 'pause'] as const;

/**
 * Starts a whole Kubernetes of one node with name server, ingress, Postgres and Redis, and returns when all of it is ready.
 * Returns at once when that cluster already runs; builds first what was never built.
 */
export async function startCluster({ name, progress = silent() }: ClusterOptions): Promise<Cluster> {
  await installRunningPackages(progress);
  const [builds] = await Promise.all([buildPrograms(programs, progress), fetchAhead(progress)]);
  const images = await clusterImages(progress);
  await start({
    name,
    kind: 'cluster',
    programs,
    progress,
    prepare: (dir, addresses) => prepare(name, dir, addresses, builds),
    plan: (dir, addresses) => ({
      setup: [...mounts(dir), ...network(addresses), ...podNetwork(addresses), ...coverKernelSettings(), ...dataVolumes()],
      components: [
        ...controlPlaneComponents(addresses, true),
        scheduler(),
        containerd(),
        kubelet(addresses),
        kubeProxy(),
        netpol(addresses),
        ...ingress(addresses),
      ],
      forward: { listen: `127.0.0.1:${addresses.ingressPort}`, dial: '127.0.0.1:80' },
    }),
    meanwhile: (started, signal) => settleIn(started, images, progress, signal),
    finish: (started) => furnish(started, progress),
  });
  const cluster = await clusterStatus(name);
  if (!cluster) throw new ClusterError('unknown_cluster', { name });
  return cluster;
}

async function prepare(name: string, dir: string, addresses: Addresses, builds: Builds): Promise<void> {
  await Promise.all([
    prepareControlPlane(dir, addresses),
    makeCgroups(name),
    makeCredentials(dir),
    writeContainerdConfig(dir),
    writePodNetworkConfig(dir, addresses),
    writeKubeletConfig(dir, name, addresses),
    writeKubeProxyConfig(dir, addresses),
    bundleIngressController(dir),
    linkPrograms(dir, builds),
  ]);
}

/** Programs for whoever uses the cluster from outside, at paths that do not change with each build. */
async function linkPrograms(dir: string, builds: Builds): Promise<void> {
  await mkdir(join(dir, 'bin'));
  await symlink(programPath(builds, 'kube'), join(dir, 'bin', 'kubectl'));
  await symlink(programPath(builds, 'helm'), join(dir, 'bin', 'helm'));
}

function dataVolumes(): string[][] {
  const user = String(dataUser);
  return dataDirectories.map((directory) => ['install', '-d', '-o', user, '-g', user, '-m', '700', directory]);
}
