import type { Change } from '../cache/informer.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { EventRecorder } from '../events/recorder.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../finalizers.ts';
import { keyOf, parseKey } from '../kind.ts';
import { withFields } from '../logger.ts';
import { queueMetrics } from '../queue/queue-metrics.ts';
import { lowPriority, WorkQueue } from '../queue/work-queue.ts';
import type { BaseObject } from '../resource.ts';
import { contextFor, type ContextParts } from './context.ts';
import { controllerMetrics } from './controller-metrics.ts';
import { scopeOf, type Definition } from './definition.ts';
import { Heartbeat } from './heartbeat.ts';
import { SaidStatuses } from './said-statuses.ts';
import type { BoundController, Controller, ReconcileFunction, Result } from './types.ts';
import { Workers, type Run } from './workers.ts';

/** What Events are worth at the end: the lease is not given away before, and nobody else begins. */
const eventsGraceMs = 1_000;

/** A controller as it was built: nothing happens until it is bound to a cluster. */
export class ObjectController<T extends BaseObject> implements Controller {
  readonly name: string;
  readonly #definition: Definition<T>;
  readonly #reconcile: ReconcileFunction<T>;

  constructor(definition: Definition<T>, reconcile: ReconcileFunction<T>) {
    this.name = definition.name;
    this.#definition = definition;
    this.#reconcile = reconcile;
  }

  bind(cluster: Cluster): BoundController {
    const { name, workers: count, timeLimitMs, maxBackoffMs, group, sources, kind, options } = this.#definition;
    const log = withFields(cluster.log, { controller: name });
    const queue = new WorkQueue({
      maxBackoffMs,
      lowBesideNormal: Math.ceil(count / 4),
      metrics: queueMetrics(cluster.registry, name),
      ...(group && { group: (key) => group(parseKey(key)) }),
    });
    const recorder = new EventRecorder(cluster, name);
    const metrics = controllerMetrics(cluster.registry, name, count);
    const heartbeat = new Heartbeat(cluster.registry, name);
    const statuses = new SaidStatuses<T>();
    const workers = new Workers({ queue, count, timeLimitMs, metrics, heartbeat, log, run: this.#runOn(cluster, recorder, statuses) });
    const unsubscribe = sources.map((source) => source(cluster, queue));
    const heedStatus = (change: Change<T>): void => {
      if (statuses.isForeign(change)) queue.add(keyOf(change.object.metadata), { priority: lowPriority });
    };
    unsubscribe.push(cluster.informer(kind, scopeOf(options)).onChange(heedStatus));
    return {
      name,
      get problem() {
        return workers.problem;
      },
      start: () => workers.start(),
      abort: (reason) => workers.abort(reason),
      async stop(graceMs) {
        for (const end of unsubscribe) end();
        const ended = await workers.stop(graceMs);
        await recorder.end(eventsGraceMs);
        return ended;
      },
    };
  }

  #runOn(cluster: Cluster, recorder: EventRecorder, statuses: SaidStatuses<T>): Run {
    const { kind, options, gone, name: controllerName } = this.#definition;
    const cache = cluster.informer(kind, scopeOf(options));
    const onStatus = (object: T): void => statuses.note(object);
    const baseLog = withFields(cluster.log, { controller: controllerName });
    return async (key, signal) => {
      const log = withFields(baseLog, { key, reconcileID: crypto.randomUUID() });
      const object = cache.get(parseKey(key));
      if (object) return this.#run(object, { cluster, recorder, log, signal, onStatus });
      return (await gone?.({ ...parseKey(key), cluster, log, signal })) ?? undefined;
    };
  }

  /** Deleting objects are cleaned up, others reconciled. An object that is being deleted without our finalizer is none of our business. */
  async #run(object: T, io: Omit<ContextParts<T>, 'kind' | 'object'>): Promise<Result | undefined> {
    const { kind, finalizer } = this.#definition;
    const context = contextFor({ kind, object, ...io });
    if (!finalizer) return (await this.#reconcile(context)) ?? undefined;
    if (!object.metadata.deletionTimestamp) {
      const held = await addFinalizer(io.cluster, kind, object, finalizer.name);
      // Deleted before the finalizer could stand: what a reconcile made now, nobody would ever clean up.
      if (!hasFinalizer(held, finalizer.name)) return undefined;
      return (await this.#reconcile(held === object ? context : contextFor({ kind, object: held, ...io }))) ?? undefined;
    }
    if (!hasFinalizer(object, finalizer.name)) return undefined;
    const result = (await finalizer.cleanup(context)) ?? {};
    const isDone = Object.values(result).every((asked) => asked === undefined);
    if (isDone) await removeFinalizer(io.cluster, kind, object, finalizer.name);
    return result;
  }
}
