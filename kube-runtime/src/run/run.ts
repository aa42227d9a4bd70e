import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Informer } from '../cache/informer.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { BoundController } from '../controller/types.ts';
import { KubeRuntimeError } from '../errors.ts';
import { LeaderLease } from '../lease/leader-lease.ts';
import type { BaseObject } from '../resource.ts';
import { serveHealth, type HealthServer } from '../server/health-server.ts';
import { deadline } from '../time/deadline.ts';
import { watchEventLoop } from './event-loop.ts';
import type { LeaseOptions, LeaseTimings, RunOptions } from './options.ts';
import { untilTerminated } from './signals.ts';

const leaseTimings: LeaseTimings = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/**
 * Runs controllers until told to stop.
 *
 * Flow: caches fill → (lease) wait to lead → workers begin → … → workers end → lease released → caches stop.
 * Resolves after an orderly stop. When the lease could not be renewed in time, all work is aborted and this replica stands by again, its
 * caches warm: an API server that is away for minutes costs no restart.
 * @throws KubeRuntimeError `cache_not_synced` when a cache does not fill in time, naming the kind and the last problem;
 * `leadership_lost` when work goes on although it was aborted: beside it nothing can be begun anew, so the process must end.
 */
export async function run(options: RunOptions): Promise<void> {
  const { cluster, controllers, gracePeriodMs = 20_000 } = options;
  using stop = untilTerminated(options.signal);
  const bind = () => controllers.map((controller) => controller.bind(cluster));
  let bound = bind();
  const lease = options.lease === undefined ? undefined : leaseOf(cluster, options.lease);
  const stopWatching = watchEventLoop(cluster.registry);
  const server = await startServer(options, lease, () => bound);
  try {
    cluster.startInformers();
    if (!(await allSynced(options, stop.signal))) return;
    while (lease === undefined || (await lease.acquire(stop.signal))) {
      for (const controller of bound) controller.start();
      if ((await work(bound, lease, stop.signal, gracePeriodMs)) === 'stopped') return;
      bound = bind(); // another may have led meanwhile: everything is looked at again
    }
  } finally {
    await Promise.all(cluster.informers.map((informer) => informer.stop()));
    stopWatching();
    await server?.close();
  }
}

/** From leadership to its end: by order, or because it was lost and everything that ran has ended. */
async function work(
  bound: readonly BoundController[],
  lease: LeaderLease | undefined,
  signal: AbortSignal,
  graceMs: number,
): Promise<'stopped' | 'lost'> {
  const stopAll = (ms: number) => Promise.all(bound.map((controller) => controller.stop(ms)));
  // The lease is renewed through the grace period too: running work still writes.
  const renewing = new AbortController();
  const held = lease ? lease.hold(renewing.signal) : new Promise<void>(() => undefined);
  try {
    await Promise.race([aborted(signal), held]);
    await Promise.race([stopAll(graceMs), held]);
    renewing.abort();
    await lease?.release();
    return 'stopped';
  } catch (error) {
    for (const controller of bound) controller.abort(error);
    if (!(await stopAll(0)).every((ended) => ended)) throw error;
    return 'lost';
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function allSynced({ cluster, cacheSyncTimeoutMs = 120_000 }: RunOptions, signal: AbortSignal): Promise<boolean> {
  using limit = deadline(cacheSyncTimeoutMs, signal, () => new DOMException('caches did not fill', 'TimeoutError'));
  try {
    await Promise.all(cluster.informers.map((informer) => informer.whenSynced(limit.signal)));
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    const empty = cluster.informers.find((informer) => !informer.synced);
    if (!limit.expired || !empty) throw error;
    const problem = empty.problem ?? 'none; the server is slow';
    throw new KubeRuntimeError('cache_not_synced', { what: empty.kind.plural, seconds: cacheSyncTimeoutMs / 1000, problem });
  }
}

function leaseOf(cluster: Cluster, given: string | LeaseOptions): LeaderLease {
  const options: LeaseOptions = typeof given === 'string' ? { name: given } : given;
  return new LeaderLease({
    cluster,
    name: options.name,
    namespace: options.namespace ?? cluster.namespace,
    identity: options.identity ?? `${hostname()}_${randomBytes(4).toString('hex')}`,
    timings: { ...leaseTimings, ...options.timings },
  });
}

async function startServer(
  options: RunOptions,
  lease: LeaderLease | undefined,
  bound: () => readonly BoundController[],
): Promise<HealthServer | undefined> {
  const { cluster, metricsPort, metricsHost, onListening } = options;
  if (metricsPort === undefined) return undefined;
  const about = (informers: readonly Informer<BaseObject>[], what: string) =>
    informers.map((informer) => `${what}: ${informer.kind.plural}${informer.problem ? ` (${informer.problem})` : ''}`);
  const server = await serveHealth({
    port: metricsPort,
    host: metricsHost,
    registry: cluster.registry,
    unhealthy: () => [
      ...about(
        cluster.informers.filter((informer) => !informer.alive),
        'watch is dead',
      ),
      ...(lease && !lease.alive ? ['leader election is stuck'] : []),
      ...bound().flatMap(({ name, problem }) => (problem === undefined ? [] : `controller ${name} is stuck: ${problem}`)),
    ],
    unready: () =>
      about(
        cluster.informers.filter((informer) => !informer.synced),
        'cache is not filled',
      ),
  });
  onListening?.({ port: server.port });
  return server;
}
