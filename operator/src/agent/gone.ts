/** What is done where there is no AgentConfig: whatever still bears its name ends. */
import { keyOf, type GoneFunction, type Result } from 'kube-runtime';
import { byAgent, type Caches } from '../caches.ts';
import { agentConfigs, type Pod } from '../kinds.ts';
import { endOrphans, isInTenantNamespace, orphansOf } from './orphans.ts';
import type { Room } from './room.ts';
import { endStrays } from './strays.ts';

type Gone = Parameters<GoneFunction>[0];

export function agentGone(caches: Caches, room: Room): (gone: Gone) => Promise<Result> {
  const pods = new LeftPods();
  return async (gone) => {
    room.note(gone, false);
    if (!isInTenantNamespace(gone, caches)) return {};
    const { cluster, signal, log } = gone;
    const orphans = orphansOf(gone, caches);
    // Asked live: one that was made a moment ago, and is not cached yet, takes over what an earlier one of its name has left.
    if (orphans.length > 0 && (await cluster.get(agentConfigs, gone, { signal })) === undefined) {
      log.warn(
        { objects: orphans.map(({ kind, object }) => `${kind.kind} ${object.metadata.name}`) },
        'Ending what belongs to no AgentConfig',
      );
      await endOrphans(orphans, { cluster, signal });
    }
    const left = caches.pods.byIndex(byAgent, keyOf(gone));
    const expected = { count: 0, since: pods.seen(keyOf(gone), left) };
    const requeueAfter = await endStrays({ cluster, signal, record: ({ message }) => log.warn({}, message) }, left, expected);
    return requeueAfter === undefined ? {} : { requeueAfter };
  };
}

/** Since when each agent's pods are seen without it. Kubernetes ends them, mostly within that time; a new process gives it once more. */
class LeftPods {
  readonly #since = new Map<string, string>();

  /** RFC 3339. */
  seen(agent: string, pods: readonly Pod[]): string {
    const since = this.#since.get(agent) ?? new Date().toISOString();
    if (pods.length > 0) this.#since.set(agent, since);
    else this.#since.delete(agent);
    return since;
  }
}
