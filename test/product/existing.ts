/** `make up` on a cluster that the user already has. */
import { namespaces } from '@cloister/tenancy';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClusterError } from '../cluster/errors.ts';
import { homeDir } from '../cluster/paths.ts';
import type { Progress } from '../cluster/progress.ts';
import { productImages, pushImages } from './images.ts';
import { installChart } from './install.ts';
import { targetOf, type Target } from './target.ts';

export interface ExistingCluster {
  readonly kubeconfig: string;
  /** Where the cluster pulls from, for example registry.example/cloister. */
  readonly registry: string;
  readonly progress: Progress;
}

/** Pushes the images, installs the chart, and gives `work` a way to edge for as long as it runs. */
export async function onExistingCluster(
  { kubeconfig, registry, progress }: ExistingCluster,
  work: (target: Target) => Promise<void>,
): Promise<void> {
  const keysDir = join(homeDir(), 'existing', 'keys');
  const target = await targetOf({ kubeconfig, ingressURL: '', keysDir }, progress);
  await requireDataSecrets(target);
  await installChart(target, await pushImages(await productImages(progress), registry, progress), progress);
  const forward = spawn(target.kubectlPath, ['kubectl', 'port-forward', '-n', namespaces.system, 'service/edge', ':80'], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await work({ ...target, ingressURL: `http://127.0.0.1:${await portOf(forward.stdout)}` });
  } finally {
    forward.kill();
  }
}

/** The chart finds its Postgres and Redis by these Secrets, which nobody but the platform engineer can write. */
async function requireDataSecrets({ kubectl }: Target): Promise<void> {
  for (const name of ['postgres-admin', 'redis-admin']) {
    const found = await kubectl(['get', 'secret', name, '-n', namespaces.system, '--ignore-not-found', '-o', 'name']);
    if (found.trim() === '') throw new ClusterError('no_data_secret', { name, namespace: namespaces.system });
  }
}

/** kubectl says "Forwarding from 127.0.0.1:PORT -> 8080" once it listens. */
async function portOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port !== undefined) return port;
  }
  throw new ClusterError('command_failed', { command: 'kubectl port-forward', status: 1, tail: 'it ended without listening' });
}
