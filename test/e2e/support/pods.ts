/** Cloister's own pods, one by one. */
import { namespaces } from '@cloister/tenancy';
import { z } from 'zod';
import { containerdSocket } from '../../cluster/components/containerd.ts';
import { runInside } from '../../cluster/index.ts';
import type { World } from './world.ts';

export type Part = 'operator' | 'edge' | 'egress';

export interface Pod {
  readonly name: string;
  /** Of its one container, as containerd knows it. */
  readonly container: string;
  readonly address: string;
}

const running = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        podIP: z.string().default(''),
        containerStatuses: z
          .array(z.object({ containerID: z.string().optional(), state: z.object({ running: z.object({}).optional() }) }))
          .default([]),
      }),
    }),
  ),
});

/** Those that run and that nobody has told to end, in the order of their names. */
export async function podsOf({ kubectl }: World, part: Part): Promise<Pod[]> {
  const text = await kubectl.run(['get', 'pods', '-n', namespaces.system, '-l', `app.kubernetes.io/component=${part}`, '-o', 'json']);
  return running.parse(JSON.parse(text)).items.flatMap(({ metadata, status }) => {
    const [container] = status.containerStatuses;
    if (metadata.deletionTimestamp !== undefined || container?.containerID === undefined || !container.state.running) return [];
    return [{ name: metadata.name, container: container.containerID.replace('containerd://', ''), address: status.podIP }];
  });
}

/** To the pod's process, past the kubelet, which starts it again where it ends while its pod is wanted. */
export async function signal({ cluster }: World, { container }: Pod, name: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
  await runInside(cluster, ['ctr', '-a', containerdSocket, '-n', 'k8s.io', 'tasks', 'kill', '--signal', name, container]);
}
