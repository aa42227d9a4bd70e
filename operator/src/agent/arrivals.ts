/** Which tenants are new at the moment, so that new agents let them go first. */
import type { Change } from 'kube-runtime';
import { isJudged } from '../api/conditions.ts';
import type { Tenant } from '../kinds.ts';

/** No agent waits longer than this for others' tenants. */
const longestMs = 15_000;
/** Who comes within this time after another comes with it: at the pace of a script, or of a Git repository that is applied. */
const togetherMs = 300;

/**
 * Walls come before pods. A tenant's own objects cost the cluster a fraction of what the pods of its agents cost, so where several tenants come together, the
 * agents of the first would keep the last waiting for a namespace. One that comes by itself waits for nothing.
 *
 * A tenant is new until the operator has told of it once. Time is that of the monotonic clock: the API server's clock need not be this one.
 */
export class Arrivals {
  readonly #new = new Set<string>();
  /** The latest two, of different names. */
  #latest: readonly { readonly tenant: string; readonly at: number }[] = [];
  /** Since when one has come after the other. */
  #since = -Infinity;

  /** For every change of a Tenant. */
  readonly note = ({ type, object }: Pick<Change<Tenant>, 'type' | 'object'>): void => {
    const { name } = object.metadata;
    if (type === 'deleted' || isJudged(object)) this.#new.delete(name);
    else if (!this.#new.has(name)) this.#arrive(name);
  };

  /** True while there is none that is new. */
  get none(): boolean {
    return this.#new.size === 0;
  }

  /** Milliseconds that a new agent of this tenant lets others go first. 0: there are none, or they have taken too long. */
  courtesy(tenant: string): number {
    const now = performance.now();
    const others = this.#new.size > (this.#new.has(tenant) ? 1 : 0);
    const last = this.#latest.find((one) => one.tenant !== tenant)?.at ?? -Infinity;
    const until = Math.min(others ? Infinity : last + togetherMs, this.#since + longestMs);
    return Math.max(0, Math.ceil(until - now));
  }

  #arrive(tenant: string): void {
    const at = performance.now();
    const before = this.#latest[0]?.at ?? -Infinity;
    if (this.none && at - before > togetherMs) this.#since = at;
    this.#new.add(tenant);
    this.#latest = [{ tenant, at }, ...this.#latest.filter((one) => one.tenant !== tenant)].slice(0, 2);
  }
}
