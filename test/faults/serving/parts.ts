/** Cloister's own processes on the installed cluster: which they are, and whether one has been replaced or restarted since. */
import { namespaces } from '@cloister/tenancy';
import { z } from 'zod';
import type { World } from '../../e2e/support/world.ts';

const pod = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  status: z.looseObject({
    containerStatuses: z.array(z.looseObject({ name: z.string(), restartCount: z.number(), ready: z.boolean() })).default([]),
  }),
});

/** `<pod> <container> restarted <n>`, in order. Equal before and after means the same processes. */
export async function processesOf({ kubectl }: World): Promise<string[]> {
  const text = await kubectl.run(['get', 'pods', '-n', namespaces.system, '-o', 'json']);
  return z
    .object({ items: z.array(pod) })
    .parse(JSON.parse(text))
    .items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap(({ metadata, status }) =>
      status.containerStatuses.map(({ name, restartCount }) => `${metadata.name} ${name} restarted ${restartCount}`),
    )
    .sort();
}

/** Waits until Deployments have as many ready pods as they want, and no others. */
export async function rolledOut({ kubectl }: World, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await kubectl.run(['rollout', 'status', `deployment/${name}`, '-n', namespaces.system, '--timeout=120s']);
  }
}
