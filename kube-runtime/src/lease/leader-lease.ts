import type { Cluster } from '../cluster/cluster.ts';
import { isConflict, isNotFound, KubeRuntimeError, messageOf } from '../errors.ts';
import { pathOf } from '../kind.ts';
import { gauge } from '../metrics.ts';
import type { LeaseTimings } from '../run/options.ts';
import { sleep } from '../time/sleep.ts';
import { HolderWatch, leases, microTime, type Lease, type LeaseSpec } from './lease-record.ts';

/** Between two tries for a lease that is about to be free. */
const shortestPauseMs = 50;

export interface LeaderLeaseOptions {
  readonly cluster: Cluster;
  readonly name: string;
  readonly namespace: string;
  readonly identity: string;
  readonly timings: LeaseTimings;
}

/**
 * One leader at a time, by a Lease object.
 *
 * Guarantees: from `acquire` on, writes other than the lease's own pass only while we hold it and renewed it within the renew deadline;
 * what is on its way then is cut off. The lease lasts longer than that deadline, so an old leader is silent before a new one begins.
 * Limits: a write that the server has received already is not called back, and there is no fencing token; writes should therefore be
 * safe to repeat (server-side apply, preconditions).
 */
export class LeaderLease {
  readonly #options: LeaderLeaseOptions;
  readonly #watch = new HolderWatch();
  #lost = new AbortController();
  readonly #status: (leading: boolean) => void;
  /** Monotonic time of the start of the last successful renewal: the server cannot have counted from any earlier. */
  #renewedAt = -Infinity;
  #triedAt = performance.now();
  /** Milliseconds until the lease that another holds runs out, as of the last try. */
  #freeIn = Infinity;
  #ended = false;
  /** Never rejects. */
  #renewal: Promise<unknown> = Promise.resolve();
  #leaving = false;

  constructor(options: LeaderLeaseOptions) {
    this.#options = options;
    const metric = gauge(options.cluster.registry, {
      name: 'leader_election_master_status',
      help: '1 while this process leads',
      labelNames: ['name'],
    });
    this.#status = (leading) => metric.set({ name: options.name }, leading ? 1 : 0);
    this.#status(false);
    options.cluster.interceptWrites((write, proceed) => {
      const own = pathOf(leases, { namespace: options.namespace });
      if (write.path === own || write.path === `${own}/${options.name}`) return proceed();
      if (this.leading) return proceed(this.#lost.signal);
      throw new KubeRuntimeError('not_leader', { method: write.method, path: write.path, lease: options.name });
    });
  }

  get leading(): boolean {
    return !this.#ended && performance.now() - this.#renewedAt < this.#options.timings.renewDeadlineMs;
  }

  /** False when neither a try nor a pause has ended for longer than any can take. */
  get alive(): boolean {
    const { leaseDurationMs, renewDeadlineMs } = this.#options.timings;
    return this.#ended || performance.now() - this.#triedAt < leaseDurationMs + renewDeadlineMs;
  }

  /** Waits for the lease, for the first time or anew after its loss. False when the signal aborted first. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { cluster, name, identity, timings } = this.#options;
    this.#lost = new AbortController();
    this.#renewedAt = -Infinity;
    this.#ended = false;
    this.#leaving = false;
    while (!signal.aborted) {
      if (await this.#try(() => true)) {
        cluster.log.info({ lease: name, identity }, 'Became leader');
        this.#status(true);
        return true;
      }
      // Well within a period, so that a release is answered within it, requests included; at random, so that replicas do not stay in step.
      // And not past the moment at which a dead holder's lease runs out.
      const pause = timings.retryPeriodMs * (0.4 + 0.4 * Math.random());
      await sleep(Math.min(pause, Math.max(shortestPauseMs, this.#freeIn)), signal);
    }
    return false;
  }

  /** Renews until the signal aborts, or rejects with `leadership_lost`. */
  async hold(signal: AbortSignal): Promise<void> {
    const { cluster, name, timings } = this.#options;
    const left = (): number => this.#renewedAt + timings.renewDeadlineMs - performance.now();
    while (await sleep(Math.max(0, Math.min(timings.retryPeriodMs, left())), signal)) {
      if (left() > 0 && (await this.#inTime(left()))) continue;
      if (this.leading) continue; // there is time for another try
      const lost = new KubeRuntimeError('leadership_lost', { lease: name, seconds: timings.renewDeadlineMs / 1000 });
      this.#end();
      this.#lost.abort(lost);
      cluster.log.error({ lease: name }, 'Lost leadership');
      throw lost;
    }
  }

  /** Lets go, so that another replica need not wait the lease out. Call it when nothing writes any more. */
  async release(): Promise<void> {
    const { cluster, name, identity } = this.#options;
    this.#leaving = true;
    await this.#renewal; // it would come between what is read now and what is written then
    try {
      const lease = this.leading ? await this.#read() : undefined;
      if (lease?.spec.holderIdentity === identity) {
        await this.#replace(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 });
      }
      cluster.log.info({ lease: name }, 'Released leadership');
    } catch (error) {
      cluster.log.warn({ lease: name, err: messageOf(error) }, 'Could not release leadership; it expires by itself');
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#status(false);
  }

  async #inTime(ms: number): Promise<boolean> {
    const patience = new AbortController();
    const renewed = this.#try(() => this.leading && !this.#leaving);
    this.#renewal = renewed;
    const result = await Promise.race([renewed, sleep(ms, patience.signal).then(() => false)]);
    patience.abort();
    return result;
  }

  /**
   * One try to get or renew; `wanted` is asked again before the write, since the look may have taken longer than the lease lasts. Never
   * throws: a server that cannot be asked is a try that failed.
   */
  async #try(wanted: () => boolean): Promise<boolean> {
    const { cluster, name, identity, timings } = this.#options;
    const startedAt = performance.now();
    this.#triedAt = startedAt;
    this.#freeIn = Infinity;
    try {
      const lease = await this.#read();
      const now = performance.now();
      if (lease) this.#watch.observe(lease, now);
      const ours = lease?.spec.holderIdentity === identity;
      if (lease && !ours) {
        this.#freeIn = this.#watch.freeIn(lease, timings.leaseDurationMs, now);
        if (this.#freeIn > 0) return false;
      }
      if (!wanted()) return false;
      await (lease ? this.#replace(lease, this.#claim(lease, ours)) : this.#create());
      if (!this.#ended) this.#renewedAt = startedAt;
      return true;
    } catch (error) {
      const expected = isConflict(error) || isNotFound(error);
      cluster.log[expected ? 'debug' : 'warn']({ lease: name, err: messageOf(error) }, 'Could not get or renew the lease');
      return false;
    }
  }

  #claim(lease: Lease, ours: boolean): LeaseSpec {
    const now = microTime(new Date());
    const { holderIdentity: _, acquireTime, leaseTransitions = 0 } = lease.spec;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#options.timings.leaseDurationMs / 1000),
      acquireTime: (ours ? acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: ours ? leaseTransitions : leaseTransitions + 1,
    };
  }

  /** Each request has a part of the renew deadline only: one that hangs on a dead connection must leave time for another try. */
  get #timeoutMs(): number {
    return this.#options.timings.renewDeadlineMs / 3;
  }

  async #read(): Promise<Lease | undefined> {
    const { cluster, name, namespace } = this.#options;
    try {
      return leases.accept(await cluster.request({ path: pathOf(leases, { name, namespace }), timeoutMs: this.#timeoutMs }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #create(): Promise<void> {
    const { cluster, name, namespace, identity, timings } = this.#options;
    const now = microTime(new Date());
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(timings.leaseDurationMs / 1000),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    const body = { apiVersion: leases.apiVersion, kind: leases.kind, metadata: { name, namespace }, spec };
    await cluster.request({ method: 'POST', path: pathOf(leases, { namespace }), body, timeoutMs: this.#timeoutMs });
  }

  /** With the resourceVersion that was read, so that of two candidates one gets a conflict. */
  async #replace(lease: Lease, spec: LeaseSpec): Promise<void> {
    const { cluster } = this.#options;
    const body = { ...lease, spec };
    await cluster.request({ method: 'PUT', path: pathOf(leases, lease.metadata), body, timeoutMs: this.#timeoutMs });
  }
}
