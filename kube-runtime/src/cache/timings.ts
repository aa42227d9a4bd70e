import type { OutageTimings } from '../cluster/outage.ts';
import { listWatchBackoff, type BackoffOptions } from '../time/backoff.ts';

/** The clockwork of list and watch, in milliseconds. Tests shorten it; nobody else should need to. */
export interface InformerTimings extends OutageTimings {
  /** The server is asked to end a watch after a random time in here, so that watches spread over replicas of the server. */
  readonly watchMs: readonly [shortest: number, longest: number];
  /** How much longer than asked a watch may stay open, or silent, before its connection counts as dead. */
  readonly graceMs: number;
  /**
   * Once a watch of this kind has brought a bookmark, the silence after which one counts as dead. The server sends one a minute, so a
   * half-open connection is found long before the watch would have ended.
   */
  readonly bookmarkSilenceMs: number;
  /** A watch that ends sooner than this without an event is a fault, not a time-out. */
  readonly shortWatchMs: number;
  /** A watch that lived this long was healthy: what cuts it is answered with the shortest pause again. */
  readonly healthyWatchMs: number;
  readonly backoff: BackoffOptions;
  /**
   * Objects that are asked for at once. Each page costs the server a search for where to go on: pages of 2,000 cost it 0.7 to 0.9 of
   * what pages of 500 do, a whole list 0.5 to 0.6 (3,000 to 5,000 objects).
   */
  readonly pageSize: number;
}

/** The times that are used unless told otherwise; those of client-go where it has one. */
export const informerTimings: InformerTimings = {
  watchMs: [300_000, 600_000],
  graceMs: 30_000,
  bookmarkSilenceMs: 150_000,
  shortWatchMs: 1_000,
  healthyWatchMs: 10_000,
  backoff: listWatchBackoff,
  pageSize: 1_500,
  outageMs: 2_000, // longer than the first pause, which is over soon anyway
  returnMs: 1_000,
};
