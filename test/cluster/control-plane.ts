import { join } from 'node:path';
import type { Addresses } from './addresses.ts';
import { start, type Started } from './start.ts';
import { apiServer, apiServerPort, everyWrite, writeAuditPolicy } from './components/api-server.ts';
import { controllerManager } from './components/controller-manager.ts';
import { etcd } from './components/etcd.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Component } from './machine/plan.ts';
import { mounts, network } from './machine/setup.ts';
import { makeCertificates } from './pki.ts';
import { silent, type Progress } from './progress.ts';

export interface ControlPlaneOptions {
  readonly name: string;
  /** Also run Kubernetes' own controllers: garbage collection, namespace deletion, Deployments and so on. Default: false. */
  readonly controllers?: boolean;
  /** Id of the process with which it ends, however that ends: for tests, which may be cut off. Default: it outlives whoever starts it. */
  readonly keeper?: number;
  readonly progress?: Progress;
}

/** An API server to test against: real, and alone. Nothing schedules or runs pods. */
export interface ControlPlane {
  readonly name: string;
  readonly dir: string;
  /** Process id, on this machine, of the first process of its machine. */
  readonly pid: number;
  /** File of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Base URL of the API server. */
  readonly apiServer: string;
  /** File with one JSON audit event a line, for every write. */
  readonly auditLog: string;
}

/** Starts etcd and an API server in about three seconds. Returns the running one of that name if there is one. */
export async function startControlPlane({
  name,
  controllers = false,
  keeper,
  progress = silent(),
}: ControlPlaneOptions): Promise<ControlPlane> {
  const started = await start({
    name,
    kind: 'control-plane',
    programs: ['node', 'kube'],
    progress,
    ...(keeper !== undefined && { keeper }),
    prepare: (dir, addresses) => prepareControlPlane(dir, addresses),
    plan: (dir, addresses) => ({
      setup: [...mounts(dir), ...network(addresses)],
      components: controlPlaneComponents(addresses, controllers),
    }),
  });
  return controlPlaneOf(started);
}

export function controlPlaneOf({ name, dir, addresses, pid }: Started): ControlPlane {
  const apiServer = `https://${addresses.nodeIP}:${apiServerPort}`;
  return { name, dir, pid, kubeconfig: join(dir, 'kubeconfig'), apiServer, auditLog: join(dir, 'audit.log') };
}

export function controlPlaneComponents(addresses: Addresses, controllers: boolean): Component[] {
  return [etcd(), apiServer(addresses), ...(controllers ? [controllerManager(addresses)] : [])];
}

/** Certificates, kubeconfigs and policies in the cluster's directory. */
export async function prepareControlPlane(dir: string, addresses: Addresses, auditRules: readonly object[] = everyWrite): Promise<void> {
  const pki = join(dir, 'pki');
  await Promise.all([makeCertificates(pki, addresses), writeAuditPolicy(dir, auditRules)]);
  const inner = `https://127.0.0.1:${apiServerPort}`;
  const components = ['controller-manager', 'scheduler', 'proxy', 'kubelet'];
  await Promise.all([
    writeKubeconfig(join(dir, 'kubeconfig'), pki, 'admin', `https://${addresses.nodeIP}:${apiServerPort}`),
    ...components.map((user) => writeKubeconfig(join(dir, 'config', `${user}.kubeconfig`), pki, user, inner)),
    writeKubeconfig(join(dir, 'config', 'admin.kubeconfig'), pki, 'admin', inner),
  ]);
}
