/**
 * What the connections of tenants may take of this replica. In memory: they keep one tenant from taking what all need, and are no budget.
 *
 * Guarantee: a tenant gets another connection only while it has fewer than are free. So one alone gets half of them at most, of k that want all
 * they can get each comes to have 1/(k+1), and whoever comes next finds as many free.
 */
import { fail } from '../errors.ts';

export interface ShareLimits {
  /** Of one tenant at the same time, those that are being made among them. */
  readonly connections: number;
  /** Of all tenants. */
  readonly totalConnections: number;
  /** In an hour by the clock, both directions of all connections together. */
  readonly hourlyBytes: number;
}

export interface Sharer {
  readonly uid: string;
  readonly tenant: string;
}

const hour = 3_600_000;

export class Shares {
  readonly #limits: ShareLimits;
  readonly #clock: () => number;
  /** By the tenant's UID. */
  readonly #open = new Map<string, number>();
  readonly #bytes = new Map<string, number>();
  #total = 0;
  #hour = 0;

  constructor(limits: ShareLimits, clock: () => number = Date.now) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Of all tenants. */
  get open(): number {
    return this.#total;
  }

  /** One connection more; `leave` must follow. Throws `too_many_connections`, `proxy_busy` and `too_many_bytes`. */
  enter({ uid, tenant }: Sharer): void {
    const open = this.#open.get(uid) ?? 0;
    const { connections, totalConnections } = this.#limits;
    if (open >= connections) throw fail('too_many_connections', { values: { tenant, connections }, retryAfterSeconds: 1 });
    if (open >= totalConnections - this.#total) throw fail('proxy_busy', { values: { tenant, connections: open }, retryAfterSeconds: 5 });
    if (!this.take(uid, 0)) {
      const retryAfterSeconds = Math.ceil(((this.#hour + 1) * hour - this.#clock()) / 1000);
      throw fail('too_many_bytes', { values: { tenant, bytes: this.#limits.hourlyBytes }, retryAfterSeconds });
    }
    this.#open.set(uid, open + 1);
    this.#total++;
  }

  leave(uid: string): void {
    const left = (this.#open.get(uid) ?? 1) - 1;
    if (left > 0) this.#open.set(uid, left);
    else this.#open.delete(uid);
    this.#total--;
  }

  /** Counts bytes; false once there are as many as there may be. */
  take(uid: string, bytes: number): boolean {
    const now = Math.floor(this.#clock() / hour);
    if (now !== this.#hour) {
      this.#hour = now;
      this.#bytes.clear();
    }
    const taken = (this.#bytes.get(uid) ?? 0) + bytes;
    if (bytes > 0) this.#bytes.set(uid, taken);
    return taken < this.#limits.hourlyBytes;
  }
}
