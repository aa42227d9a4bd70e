import type { Cluster } from '../cluster/cluster.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject, ObjectKey } from '../resource.ts';
import { ObjectController } from './controller.ts';
import { forSource, ownsSource, signalSource, watchesSource, type Definition, type Source } from './definition.ts';
import type {
  Controller,
  ControllerBuilder,
  ForOptions,
  GoneFunction,
  OwnsOptions,
  ReconcileFunction,
  Signal,
  SignalOptions,
  WatchesOptions,
} from './types.ts';

/** A controller that has a name and nothing else yet. */
export interface ControllerStart {
  /** The kind whose objects are reconciled. */
  for<T extends BaseObject>(kind: Kind<T>, options?: ForOptions<T>): ControllerBuilder<T>;
}

/** Begins a controller. The name appears in metrics, logs and Events; keep it short and stable. */
export function controller(name: string): ControllerStart {
  return {
    for: (kind, options = {}) =>
      new Builder({
        name,
        kind,
        options,
        sources: [forSource(kind, options)],
        workers: 1,
        timeLimitMs: 120_000,
        maxBackoffMs: 300_000,
      }),
  };
}

/** Each step gives a new builder, so that a half-built controller can be the start of several. */
class Builder<T extends BaseObject> implements ControllerBuilder<T> {
  readonly #definition: Definition<T>;

  constructor(definition: Definition<T>) {
    this.#definition = definition;
  }

  owns<C extends BaseObject>(kind: Kind<C>, options: OwnsOptions<C> = {}): ControllerBuilder<T> {
    return this.#from(ownsSource(this.#definition.kind, kind, options));
  }

  watches<W extends BaseObject>(
    kind: Kind<W>,
    map: (object: W, cluster: Cluster) => readonly ObjectKey[],
    options: WatchesOptions<W> = {},
  ): ControllerBuilder<T> {
    return this.#from(watchesSource(kind, map, options));
  }

  wokenBy(signal: Signal, options: SignalOptions = {}): ControllerBuilder<T> {
    return this.#from(signalSource(signal, options));
  }

  concurrency(workers: number): ControllerBuilder<T> {
    return this.#with({ workers });
  }

  timeLimit(timeLimitMs: number): ControllerBuilder<T> {
    return this.#with({ timeLimitMs });
  }

  maxBackoff(maxBackoffMs: number): ControllerBuilder<T> {
    return this.#with({ maxBackoffMs });
  }

  fairness(group: (key: ObjectKey) => string): ControllerBuilder<T> {
    return this.#with({ group });
  }

  finalizer(name: string, cleanup: ReconcileFunction<T>): ControllerBuilder<T> {
    return this.#with({ finalizer: { name, cleanup } });
  }

  gone(gone: GoneFunction): ControllerBuilder<T> {
    return this.#with({ gone });
  }

  reconcile(fn: ReconcileFunction<T>): Controller {
    return new ObjectController(this.#definition, fn);
  }

  #from(source: Source): ControllerBuilder<T> {
    return this.#with({ sources: [...this.#definition.sources, source] });
  }

  #with(change: Partial<Definition<T>>): ControllerBuilder<T> {
    return new Builder({ ...this.#definition, ...change });
  }
}
