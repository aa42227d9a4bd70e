import { keyOf, parseKey, type ObjectKey } from 'kube-runtime';

/**
 * Which agents wait for room in their tenant's quota, so that a deletion wakes nobody else. Known from the latest run of each, and each runs when a process
 * begins to lead: nothing is lost with this memory.
 */
export class Room {
  readonly #waiting = new Map<string, Set<string>>();

  /** To be called without a pause after the count: what goes from then on wakes it. */
  note(agent: ObjectKey, waits: boolean): void {
    const { namespace = '' } = agent;
    const waiting = this.#waiting.get(namespace) ?? new Set();
    if (waits) this.#waiting.set(namespace, waiting.add(keyOf(agent)));
    else if (waiting.delete(keyOf(agent)) && waiting.size === 0) this.#waiting.delete(namespace);
  }

  waitingIn(namespace: string | undefined): ObjectKey[] {
    return [...(this.#waiting.get(namespace ?? '') ?? [])].map(parseKey);
  }
}
