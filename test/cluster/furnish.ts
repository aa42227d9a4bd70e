import { lastLines } from './command.ts';
import { readCredentials } from './credentials.ts';
import type { Archive } from './images/images.ts';
import { loadImages } from './images/load.ts';
import { applyAll, kubectl } from './kubectl.ts';
import { dataManifests } from './manifests/data.ts';
import { dnsManifests } from './manifests/dns.ts';
import { dataNamespace } from './manifests/names.ts';
import { ingressClass, systemManifests } from './manifests/secrets.ts';
import { ClusterError } from './errors.ts';
import { awaitComponent } from './machine/events.ts';
import { nodeName } from './components/kubelet.ts';
import type { Progress } from './progress.ts';
import type { Started } from './start.ts';

/** Loads the images, and says when the node is Ready, as soon as each can be. */
export async function settleIn({ dir, pid }: Started, images: readonly Archive[], progress: Progress, signal: AbortSignal): Promise<void> {
  await Promise.all([
    awaitComponent(dir, 'containerd', signal)
      .then(() => loadImages(pid, images))
      .then(() => progress.say('images loaded')),
    awaitComponent(dir, 'kubelet', signal)
      .then(() => nodeReady(dir))
      .then(() => progress.say('node Ready')),
  ]);
}

/** Gives a bare cluster what Cloister expects of one: a name server, an ingress class, Postgres and Redis, its own namespace. */
export async function furnish({ dir, addresses }: Started, progress: Progress): Promise<void> {
  const credentials = await readCredentials(dir);
  await applyAll(dir, [
    ...dnsManifests(addresses),
    ...dataManifests(addresses, credentials),
    ...systemManifests(credentials),
    ingressClass(),
  ]);
  await Promise.all([
    rolledOut(dir, 'kube-system', 'deployment/coredns').then(() => progress.say('name server ready')),
    rolledOut(dir, dataNamespace, 'statefulset/postgres').then(() => progress.say('Postgres ready')),
    rolledOut(dir, dataNamespace, 'statefulset/redis').then(() => progress.say('Redis ready')),
  ]);
}

async function nodeReady(dir: string): Promise<void> {
  await kubectl(dir, ['wait', `node/${nodeName}`, '--for=create', '--timeout=60s']);
  await kubectl(dir, ['wait', `node/${nodeName}`, '--for=condition=Ready', '--timeout=60s']);
}

/** Seconds for a server's first start; an initialised database takes three. */
const rollsOutWithin = 120;

async function rolledOut(dir: string, namespace: string, what: string): Promise<void> {
  try {
    await kubectl(dir, ['rollout', 'status', '--namespace', namespace, what, `--timeout=${rollsOutWithin}s`]);
  } catch (cause) {
    const pods = await kubectl(dir, ['get', 'pods', '--namespace', namespace, '--output', 'wide']);
    const events = await kubectl(dir, ['get', 'events', '--namespace', namespace, '--sort-by=.lastTimestamp']);
    const remedy = `KUBECONFIG=${dir}/kubeconfig kubectl logs -n ${namespace} ${what}`;
    const details = { what: `rollout of ${namespace}/${what}`, seconds: rollsOutWithin, tail: `${pods}\n${lastLines(events, 10)}`, remedy };
    throw new ClusterError('not_in_time', details, { cause });
  }
}
