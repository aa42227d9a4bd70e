import type { Change } from '../cache/informer.ts';
import type { Applied, ApplyOptions, CacheScope, Cluster, StatusOptions } from '../cluster/cluster.ts';
import type { EventNote } from '../events/event.ts';
import type { Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import type { BaseObject, Desired, ObjectKey, StatusOf } from '../resource.ts';

/** What a run asks for. Nothing, or when to look again although nothing changed. That look has the priority of the run that asks for it. */
export interface Result {
  /** Milliseconds. The run did well, as one that asks for nothing did; any change of a watched object comes sooner. */
  readonly requeueAfter?: number;
  /**
   * Milliseconds. The run did nothing: its time has not come, be it for a throttle or because others go first. So it says nothing of whether it would do well,
   * and failures before it count on: what always fails is tried ever more slowly, whatever stands before it. Goes before `requeueAfter`.
   */
  readonly postponedFor?: number;
  /**
   * What the run looked at is of the past, as a conflict says, so it is to be repeated: after a pause that grows with each time in a row, as after a failure,
   * but in a row of its own, and without an error in logs and metrics. Goes before the other two.
   */
  readonly requeue?: true;
}

/** How `apply` of a run treats a child. */
export interface ChildOptions extends Omit<ApplyOptions, 'owner'> {
  /** Default true: the reconciled object becomes the controller owner, so that the child goes with it. */
  readonly owned?: boolean;
}

/** Everything one run may use. */
export interface ReconcileContext<T extends BaseObject> {
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly name: string;
  readonly namespace: string | undefined;
  /** As cached, frozen. Possibly older than the live object: decide so that a later run can correct it. */
  readonly object: T;
  readonly cluster: Cluster;
  readonly log: Logger;
  /** Aborts at the time limit, on shutdown and when leadership is lost. Pass it on to everything that waits. */
  readonly signal: AbortSignal;
  /** Applies a child. Its namespace defaults to that of the object. */
  readonly apply: <C extends BaseObject>(kind: Kind<C>, desired: Desired<C>, options?: ChildOptions) => Promise<Applied<C>>;
  /**
   * Removes a namespaced child if an earlier object of this one's name has left it; `apply` does so where such a one is in its way.
   *
   * That is the garbage collector's work, but where its watches were cut while the owner was deleted and made again it hears of an update, takes the
   * earlier one for alive, and never does it. Asked live, so that neither an owner that is itself the earlier one nor another object's child is
   * mistaken.
   */
  readonly removeLeftOver: (kind: Kind<BaseObject>, key: ObjectKey) => Promise<void>;
  /** Writes the status if it differs. */
  readonly updateStatus: (status: StatusOf<T>, options?: StatusOptions) => Promise<Applied<T>>;
  /** Records an Event about the object. Returns at once; record transitions, not states. */
  readonly record: (note: EventNote) => void;
  /**
   * For what must not be lost: resolves once the server has an Event for this occasion in the object's life, by whichever process. Call it before
   * writing down that it was told. Rejects where the server does not take it.
   */
  readonly recordOnce: (note: EventNote, occasion: string) => Promise<void>;
}

/**
 * Brings the world in line with one object. Must be safe to repeat: it runs for any change, after a restart for every object, and again
 * after an error. What it throws is retried with pauses of 5 ms doubled to `maxBackoff`, until a run does well, unless it is a `TerminalError`.
 */
export type ReconcileFunction<T extends BaseObject> = (context: ReconcileContext<T>) => Promise<Result | undefined> | Promise<void>;

/**
 * For an object that is no longer there. Of a deletion while no replica ran it hears only where something that names the object wakes it, such as a child
 * by its label; whatever else must be undone needs a finalizer. What it throws is retried as a reconcile is.
 */
export type GoneFunction = (
  gone: ObjectKey & { readonly cluster: Cluster; readonly log: Logger; readonly signal: AbortSignal },
) => Promise<Result | undefined> | Promise<void>;

/** Which of the objects are seen, and which changes of them count. */
export interface ForOptions<T> extends CacheScope {
  /** Which changes matter. Default all. `specChanged` leaves out pure status updates. */
  readonly when?: (change: Change<T>) => boolean;
}

/** Which of the objects are seen. */
export interface WatchesOptions<W> extends CacheScope {
  /** Which changes matter. Default all. */
  readonly when?: (change: Change<W>) => boolean;
  /**
   * Milliseconds that a change waits for others to come, so that a burst of them leads to one run. Default none. Counts from the first
   * change: however many follow, the run is not put off further. For what comes in bursts and matters to nobody at once.
   */
  readonly settleMs?: number;
  /**
   * `low` lets what is not low go first: for what reports how things go (pods, statuses, our own children) rather than what is wanted, so that
   * under load edits are acted on before their consequences are told. One turn in ten is for the low ones, however much else there is.
   */
  readonly priority?: 'normal' | 'low';
}

/** Which of the children are seen, and how they name their owner. */
export interface OwnsOptions<C> extends WatchesOptions<C> {
  /** Also find the owner by this label, whose value is its name: for children that cannot carry an owner reference. */
  readonly label?: string;
}

/** Given how to wake an object, begins to do so, and returns how to stop. For what no API server tells of: a database, another system. */
export type Signal = (wake: (key: ObjectKey) => void) => () => void;

/** How a signal counts. */
export type SignalOptions = Pick<WatchesOptions<never>, 'priority'>;

/** A finished controller, for `run`. */
export interface Controller {
  readonly name: string;
  /** Subscribes to the caches that it needs. Called by `run`, once for each time that it may come to lead. */
  bind(cluster: Cluster): BoundController;
}

/** A controller on a cluster. For `run`; own programs rarely need it. */
export interface BoundController {
  readonly name: string;
  /** Why only a restart helps, in words; undefined while it works. */
  readonly problem: string | undefined;
  /** Begins to work. Before that, changes only gather. */
  start(): void;
  /** Aborts what runs, at once: this process may not act any more. */
  abort(reason: unknown): void;
  /** Takes no more work, gives running work `graceMs` to end, then aborts it. False when some of it does not end even so. */
  stop(graceMs: number): Promise<boolean>;
}

/**
 * Reads as a sentence: `controller('web').for(sites).owns(deployments).reconcile(…)`.
 *
 * Guarantees: at most one run per object at a time; a change during a run leads to another one; errors are retried with growing
 * pauses, per object, so that one broken object never delays the others; exceptions never end the process.
 */
export interface ControllerBuilder<T extends BaseObject> {
  /** Children: a change of one wakes its controller owner. */
  owns<C extends BaseObject>(kind: Kind<C>, options?: OwnsOptions<C>): ControllerBuilder<T>;
  /** Anything else: `map` names the objects that a change concerns. Called with the old and the new object of an update. */
  watches<W extends BaseObject>(
    kind: Kind<W>,
    map: (object: W, cluster: Cluster) => readonly ObjectKey[],
    options?: WatchesOptions<W>,
  ): ControllerBuilder<T>;
  /** Something that is no object of the cluster. Called when the controller is bound; wakes gather until it starts. */
  wokenBy(signal: Signal, options?: SignalOptions): ControllerBuilder<T>;
  /** Objects worked on at a time. Default 1. */
  concurrency(workers: number): ControllerBuilder<T>;
  /** Milliseconds one run may take before its signal aborts and its worker moves on. Default 120,000. */
  timeLimit(ms: number): ControllerBuilder<T>;
  /** Longest pause between retries of one object, in milliseconds. Default 300,000; the first is 5. */
  maxBackoff(ms: number): ControllerBuilder<T>;
  /**
   * Objects of one group share their turns: among keys of equal priority, every group in turn gives one. So whoever owns many objects, or
   * changes them all the time, delays nobody else by more than one run. Default: one group, first come, first served.
   */
  fairness(group: (key: ObjectKey) => string): ControllerBuilder<T>;
  /**
   * Holds deletion back until `cleanup` is done. The finalizer is put on before the first reconcile and taken off once cleanup returns
   * without asking to be called again. Cleanup may run for an object that was never reconciled, and again after a crash. An object that
   * is being deleted is given to cleanup alone; without `finalizer`, reconcile sees it too and must look at `deletionTimestamp`.
   */
  finalizer(name: string, cleanup: ReconcileFunction<T>): ControllerBuilder<T>;
  /** Called in place of reconcile where an object is no longer there: for what must be forgotten in this process, and for what it left behind. */
  gone(fn: GoneFunction): ControllerBuilder<T>;
  /** Ends the sentence: what to do for each object. */
  reconcile(fn: ReconcileFunction<T>): Controller;
}
