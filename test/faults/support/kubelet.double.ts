/** Plays the kubelets of a cluster without nodes: every pod is Running and Ready a moment after it was made. Nothing is in it. */
import { kind, type Cluster } from 'kube-runtime';
import { setTimeout as sleep } from 'node:timers/promises';

const pods = kind('v1', 'Pod');
const status = {
  phase: 'Running',
  conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({ type, status: 'True' })),
};

export function standInForKubelets(cluster: Cluster): { readonly stop: () => Promise<void> } {
  const ending = new AbortController();
  const work = (async () => {
    while (!ending.signal.aborted) {
      // What fails, because the API server is away for a test, is looked at again.
      const waiting = await cluster.list(pods, { fieldSelector: 'status.phase=Pending' }).catch(() => []);
      for (const { metadata } of waiting) await cluster.patch(pods, metadata, { status }, { subresource: 'status' }).catch(() => undefined);
      await sleep(100);
    }
  })();
  return {
    stop: async () => {
      ending.abort();
      await work;
    },
  };
}
