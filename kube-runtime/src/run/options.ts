import type { Cluster } from '../cluster/cluster.ts';
import type { Controller } from '../controller/types.ts';

/**
 * The clockwork of leader election, in milliseconds. Keep `retryPeriodMs` < `renewDeadlineMs` < `leaseDurationMs`: the difference of the last
 * two is how long an old leader has been silent before a new one begins.
 */
export interface LeaseTimings {
  /** How long a silent holder is respected. Default 15,000. */
  readonly leaseDurationMs: number;
  /** How long the holder tries to renew before it stops writing. Default 10,000. */
  readonly renewDeadlineMs: number;
  /** Pause between tries. Default 2,000. */
  readonly retryPeriodMs: number;
}

/** Which Lease object makes one of the replicas the leader. */
export interface LeaseOptions {
  /** Of the Lease. Replicas that share it take turns. */
  readonly name: string;
  /** Default: the namespace of the connection. */
  readonly namespace?: string;
  /** Unique per process. Default: host name and a random suffix. */
  readonly identity?: string;
  /** Default: 15, 10 and 2 seconds. */
  readonly timings?: Partial<LeaseTimings>;
}

/** What runs, where, and how it ends. */
export interface RunOptions {
  readonly cluster: Cluster;
  readonly controllers: readonly Controller[];
  /** With a lease only one replica works; the others keep warm caches and take over. Without: exactly one process may run. */
  readonly lease?: string | LeaseOptions;
  /** Serves `/healthz`, `/readyz` and `/metrics`. No server when left out; 0 picks a free port. */
  readonly metricsPort?: number;
  /** Default: all interfaces. */
  readonly metricsHost?: string;
  /** Ends everything in order. Default: SIGTERM and SIGINT do. */
  readonly signal?: AbortSignal;
  /** Milliseconds for running work to end by itself. Default 20,000. */
  readonly gracePeriodMs?: number;
  /** Milliseconds for all caches to fill, or `run` rejects. Default 120,000. */
  readonly cacheSyncTimeoutMs?: number;
  /** Told the address once the server listens. */
  readonly onListening?: (address: { readonly port: number }) => void;
}
