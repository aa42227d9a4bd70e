/**
 * Looks, apart from queues and workers, whether the operator keeps up, and says so where it does not.
 *
 * Guarantees: an object whose spec has been ahead of its status for longer than the limit does not stay Ready: True, for that would be about another spec,
 * and one that nobody has judged does not stay without a word. Its Ready turns Unknown, with the reason OperatorBehind, by a patch that fails where object,
 * status or condition are not those that were seen; the next reconcile takes it back. It writes nothing else, and nothing while the operator keeps up.
 * Limits: it runs in the operator's process. That there is no operator at all, alerts tell (charts/cloister/files/alerts.yaml).
 */
import {
  isConflict,
  isInvalid,
  isNotFound,
  KubeRuntimeError,
  type Cluster,
  type Condition,
  type Informer,
  type JsonPatchOperation,
  type Kind,
} from 'kube-runtime';
import { digest, type Digest } from '../digest.ts';
import type { Reason } from '../status/reasons.ts';
import { BehindTracker, standingOf, type Standing, type Watched } from './behind.ts';
import { behindGauges, objectsGauge, type BehindGauges } from './metrics.ts';

export interface WatchedKind {
  readonly kind: Kind<Watched>;
  readonly informer: Pick<Informer<Watched>, 'get' | 'onChange' | 'synced'>;
}

export interface WatchdogOptions {
  readonly cluster: Cluster;
  readonly kinds: readonly WatchedKind[];
  /** Seconds. */
  readonly limit: number;
}

const lookEveryMs = 5_000;

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #trackers: ReadonlyMap<string, BehindTracker>;
  readonly #standings: ReadonlyMap<string, Digest<Standing>>;
  readonly #gauges: BehindGauges;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#trackers = new Map(options.kinds.map(({ kind }) => [kind.kind, new BehindTracker()]));
    this.#gauges = behindGauges(options.cluster.registry);
    this.#standings = new Map(options.kinds.map(({ kind, informer }) => [kind.kind, digest(informer, standingOf)]));
    objectsGauge(options.cluster.registry, this.#standings);
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), lookEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects. */
  async look(nowMs: number = performance.now()): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const one of this.#options.kinds) await this.#lookAt(one, nowMs);
    } finally {
      this.#looking = false;
    }
  }

  async #lookAt({ kind, informer }: WatchedKind, nowMs: number): Promise<void> {
    const tracker = this.#trackers.get(kind.kind);
    if (!informer.synced || !tracker) return;
    const behind = tracker.look(this.#standings.get(kind.kind)?.() ?? [], nowMs);
    this.#gauges.set(kind.kind, behind);
    for (const one of behind) {
      const object = tracker.isDue(one, this.#options.limit * 1000) ? informer.get(one.key) : undefined;
      // The cache may know more than it has told: of a status that was written a moment ago.
      if (object?.metadata.uid !== one.uid || !standingOf(object).isBehind) continue;
      if (!(await this.#tell(kind, object, one.forMs))) tracker.postpone(one);
    }
  }

  /** False where it could not be told. */
  async #tell(kind: Kind<Watched>, object: Watched, forMs: number): Promise<boolean> {
    const { cluster } = this.#options;
    const { metadata } = object;
    const patch = noLongerReady(object, forMs);
    if (!patch) return true;
    try {
      await cluster.patch(kind, metadata, patch, { subresource: 'status' });
      cluster.log.warn({ kind: kind.kind, object: metadata.name, seconds: Math.round(forMs / 1000) }, 'The operator is behind');
      return true;
    } catch (error) {
      // It has moved meanwhile, or another replica leads and will tell.
      if (isConflict(error) || isInvalid(error) || isNotFound(error) || error instanceof KubeRuntimeError) return true;
      const err = error instanceof Error ? error.message : '';
      cluster.log.warn({ kind: kind.kind, object: metadata.name, err }, 'Could not tell that the operator is behind');
      return false;
    }
  }
}

/** Undefined for an object that says by itself that it is not Ready. Refused by the server where the object or its status is another by now. */
function noLongerReady(object: Watched, forMs: number): JsonPatchOperation[] | undefined {
  const { metadata, status } = object;
  const conditions = status?.conditions ?? [];
  const index = conditions.findIndex(({ type }) => type === 'Ready');
  const before = conditions[index];
  const isHim: JsonPatchOperation = { op: 'test', path: '/metadata/uid', value: metadata.uid };
  if (!before) return [isHim, ...firstWord(object, forMs)];
  if (before.status !== 'True') return undefined;
  const at = `/status/conditions/${index}`;
  return [
    isHim,
    { op: 'test', path: '/status/observedGeneration', value: status?.observedGeneration },
    { op: 'test', path: `${at}/type`, value: 'Ready' },
    { op: 'test', path: `${at}/status`, value: 'True' },
    { op: 'replace', path: at, value: { ...before, ...behind(object, forMs) } },
  ];
}

/** For an object that has no Ready condition yet. */
function firstWord(object: Watched, forMs: number): JsonPatchOperation[] {
  const { metadata, status } = object;
  const value: Condition = { ...behind(object, forMs), type: 'Ready', observedGeneration: 0 };
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    ...(status ? [] : [{ op: 'add', path: '/status', value: {} } as const]),
    ...(status?.conditions ? [] : [{ op: 'add', path: '/status/conditions', value: [] } as const]),
    { op: 'add', path: '/status/conditions/-', value },
  ];
}

const behind = ({ metadata, status }: Watched, forMs: number) => ({
  status: 'Unknown' as const,
  reason: 'OperatorBehind' satisfies Reason,
  message:
    `generation ${metadata.generation ?? 0} has not been reconciled for ${Math.round(forMs / 1000)} s; what was said here was about ` +
    `generation ${Math.max(0, status?.observedGeneration ?? 0)}. See docs/runbooks/operator.md`,
  lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
});
