import type { Registry } from 'prom-client';
import type { CacheScope } from '../cluster/cluster.ts';
import type { AttentiveWire } from '../cluster/outage.ts';
import type { Kind } from '../kind.ts';
import type { Logger } from '../logger.ts';
import { counter } from '../metrics.ts';
import type { BaseObject, DesiredMeta, ObjectKey } from '../resource.ts';
import type { Head, Informer } from './informer.ts';
import { selects } from './label-selector.ts';
import { informerFaults, SharedInformer } from './shared-informer.ts';
import type { InformerTimings } from './timings.ts';

export interface InformerPoolOptions {
  readonly wire: AttentiveWire;
  readonly log: Logger;
  readonly registry: Registry;
  readonly timings: InformerTimings;
}

export interface Found<T> {
  readonly object: T | undefined;
  /**
   * How sure it is that there is no object, where none was found. `likely`: a cache holds those that bear its labels, so all there can be is somebody
   * else's in its place. `unknown`: no cache would hold it.
   */
  readonly absence?: 'certain' | 'likely' | 'unknown';
}

/** An informer that also takes in what we wrote ourselves. */
interface CachingInformer<T extends BaseObject> extends Informer<T> {
  remember(object: T): void;
  readonly stopped: boolean;
}

/** One informer per kind and scope, however many ask for it. */
export class InformerPool {
  readonly #options: InformerPoolOptions;
  readonly #informers = new Map<string, CachingInformer<BaseObject>>();
  /** The same: every child of every reconcile is looked up. */
  readonly #ofKind = new Map<string, readonly CachingInformer<BaseObject>[]>();

  constructor(options: InformerPoolOptions) {
    this.#options = options;
  }

  get all(): readonly Informer<BaseObject>[] {
    return [...this.#informers.values()].filter((informer) => !informer.stopped);
  }

  informer<T extends BaseObject>(kind: Kind<T>, scope: CacheScope): Informer<T> {
    const id = idOf(kind, scope);
    // what an informer holds follows from the kind in its id, so one found under it holds T
    const known = this.#informers.get(id) as CachingInformer<T> | undefined;
    if (known && !known.stopped) return known;
    const { wire, log, timings, registry } = this.#options;
    const faults = counter(registry, {
      name: 'kube_runtime_informer_faults_total',
      help: 'Faults that informers survived, by kind and by what failed: watch, handler or object',
      labelNames: ['kind', 'what'],
    });
    for (const what of informerFaults) faults.inc({ kind: kind.kind, what }, 0);
    const fresh = new SharedInformer({ wire, kind, scope, timings, log, onFault: (what) => faults.inc({ kind: kind.kind, what }) });
    this.#informers.set(id, fresh);
    const others = this.#ofKind.get(kindId(kind)) ?? [];
    this.#ofKind.set(kindId(kind), [...others.filter((other) => !other.stopped), fresh]);
    return fresh;
  }

  /** The cached object, or what its absence from the caches says of one that is to have these labels. */
  find<T extends BaseObject>(kind: Kind<T>, metadata: DesiredMeta): Found<T> {
    const full = this.#holding(kind, metadata);
    const objects = full.flatMap((informer) => informer.get(metadata) ?? []);
    if (objects.length > 0) return { object: objects[0] };
    if (full.some(isComplete)) return { object: undefined, absence: 'certain' };
    return { object: undefined, absence: full.some((informer) => wouldHold(informer, metadata)) ? 'likely' : 'unknown' };
  }

  /** What is known of the cached object, without reading it. */
  head(kind: Kind<BaseObject>, key: ObjectKey): Head | undefined {
    for (const informer of this.#holding(kind, key)) {
      const head = informer.head(key);
      if (head) return head;
    }
    return undefined;
  }

  /** Gives the answer to a write of ours to the caches that would hold it. */
  remember<T extends BaseObject>(kind: Kind<T>, object: T): void {
    for (const informer of this.#holding(kind, object.metadata)) {
      if (wouldHold(informer, object.metadata) || informer.head(object.metadata)) informer.remember(object);
    }
  }

  /** Synced caches of whole objects that could hold the key. */
  #holding<T extends BaseObject>(kind: Kind<T>, key: ObjectKey): CachingInformer<T>[] {
    const found: CachingInformer<T>[] = [];
    for (const informer of this.#ofKind.get(kindId(kind)) ?? []) {
      const { namespace, namespacePrefix = '', metadataOnly } = informer.scope;
      const covers = (namespace === undefined || namespace === key.namespace) && (key.namespace ?? '').startsWith(namespacePrefix);
      if (!informer.synced || metadataOnly || !covers) continue;
      found.push(informer as CachingInformer<T>); // see `informer`
    }
    return found;
  }
}

/** Without selectors: whatever is not cached of the namespaces in its scope is not there. */
const isComplete = ({ scope }: Informer<BaseObject>): boolean => scope.labelSelector === undefined && scope.fieldSelector === undefined;

const wouldHold = (informer: Informer<BaseObject>, { labels }: Pick<DesiredMeta, 'labels'>): boolean => {
  const { labelSelector, fieldSelector } = informer.scope;
  return isComplete(informer) || (labelSelector !== undefined && fieldSelector === undefined && selects(labelSelector, labels) === true);
};

const kindId = ({ apiVersion, plural }: Kind<BaseObject>): string => `${apiVersion}/${plural}?`;
const idOf = (kind: Kind<BaseObject>, { namespace, namespacePrefix, labelSelector, fieldSelector, metadataOnly }: CacheScope): string =>
  kindId(kind) + JSON.stringify([namespace, namespacePrefix, labelSelector, fieldSelector, metadataOnly ?? false]);
