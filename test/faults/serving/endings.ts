/** How long pods that are told to end go on: those on which nothing is under way are gone soon after they have served on for the time of their drain. */
import { namespaces } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { World } from '../../e2e/support/world.ts';

const pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        uid: z.string(),
        namespace: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
        deletionTimestamp: z.coerce.date().optional(),
        deletionGracePeriodSeconds: z.number().default(0),
      }),
    }),
  ),
});

export interface Ending {
  /** `edge`, `egress`, `operator` or `agent`. */
  readonly part: string;
  /** From the moment at which it was told to end until it was last seen. */
  readonly seconds: number;
}

export interface Endings {
  /** Of all pods that were told to end. */
  stop(): Promise<Ending[]>;
}

/** Looks at all pods of Cloister and of these namespaces, once a second. */
export function watchEndings({ kubectl }: World, tenants: readonly string[]): Endings {
  const ending = new AbortController();
  const seen = new Map<string, Ending>();
  const look = async () => {
    const { items } = pods.parse(JSON.parse(await kubectl.run(['get', 'pods', '-A', '-o', 'json'])));
    for (const { metadata } of items) {
      const { uid, namespace, labels, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
      if (deletionTimestamp === undefined || ![namespaces.system, ...tenants].includes(namespace)) continue;
      const told = deletionTimestamp.getTime() / 1_000 - deletionGracePeriodSeconds;
      const part = namespace === namespaces.system ? (labels['app.kubernetes.io/component'] ?? '') : 'agent';
      seen.set(uid, { part, seconds: Date.now() / 1_000 - told });
    }
  };
  const watching = (async () => {
    while (!ending.signal.aborted) {
      await look();
      await sleep(1_000);
    }
  })();
  return {
    stop: async () => {
      ending.abort();
      await watching;
      return [...seen.values()];
    },
  };
}
