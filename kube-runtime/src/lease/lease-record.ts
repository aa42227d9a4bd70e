import { kind } from '../kind.ts';
import type { Resource } from '../resource.ts';

export interface LeaseSpec {
  /** Empty when released. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export type Lease = Resource<LeaseSpec>;
export const leases = kind<Lease>('coordination.k8s.io/v1', 'Lease');

/** MicroTime: the API server insists on six digits. */
export const microTime = (date: Date): string => date.toISOString().replace(/Z$/, '000Z');

/**
 * Judges whether a holder still lives, by our own clock alone: what counts is when we last saw the record change, not the time that its
 * holder wrote into it. Clocks of two machines need not agree for this to be safe; only their rates must.
 */
export class HolderWatch {
  #record = '';
  #changedAt = -Infinity;

  observe(lease: Lease, now: number): void {
    const { holderIdentity, renewTime, leaseTransitions } = lease.spec;
    const record = JSON.stringify([holderIdentity, renewTime, leaseTransitions, lease.metadata.uid]);
    if (record === this.#record) return;
    this.#record = record;
    this.#changedAt = now;
  }

  /** Milliseconds until the lease of a holder that stays silent is free; 0 when it is, because it let go or did not renew for so long. */
  freeIn(lease: Lease, leaseDurationMs: number, now: number): number {
    return lease.spec.holderIdentity ? Math.max(0, this.#changedAt + leaseDurationMs - now) : 0;
  }
}
