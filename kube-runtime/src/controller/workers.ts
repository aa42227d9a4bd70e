import { messageOf, TerminalError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { lowPriority, type WorkQueue } from '../queue/work-queue.ts';
import { atMost } from '../time/at-most.ts';
import { Breath } from '../time/breath.ts';
import { deadline } from '../time/deadline.ts';
import type { ControllerMetrics, Outcome } from './controller-metrics.ts';
import { heartbeatKey, heartbeatMs, type Heartbeat } from './heartbeat.ts';
import type { Result } from './types.ts';

/** One run on one key. */
export type Run = (key: string, signal: AbortSignal) => Promise<Result | undefined>;

export interface WorkersOptions {
  readonly queue: WorkQueue;
  readonly run: Run;
  readonly count: number;
  readonly timeLimitMs: number;
  readonly metrics: ControllerMetrics;
  readonly heartbeat: Heartbeat;
  readonly log: Logger;
}

/** How long a run that ignores its aborted signal still holds its worker. */
const overtimeMs = 5_000;
/** What may come on top before a controller that does not move counts as dead. */
const marginMs = 30_000;

/**
 * Takes keys from a queue and runs them.
 *
 * Guarantees: an exception of a run is logged, counted and retried, and never leaves; a run that does not end gives its worker back after
 * the time limit and some overtime, while its key stays locked until it does end, so that one object is never worked on twice at a time;
 * however many runs have nothing to wait for, timers and I/O have their turn between them.
 */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #aborting = new AbortController();
  readonly #runs = new Set<Promise<void>>();
  /** Runs that ignore their time limit. */
  readonly #late = new Set<Promise<void>>();
  readonly #breath = new Breath();
  #ending = false;
  #loops: Promise<void>[] = [];

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.heartbeat.beat();
    this.#options.queue.add(heartbeatKey);
    this.#loops = Array.from({ length: this.#options.count }, () => this.#loop());
  }

  /** Lets running work end for `graceMs`, then aborts it and waits a moment longer. False when something still runs then. */
  async stop(graceMs: number): Promise<boolean> {
    this.#ending = true;
    this.#options.queue.close();
    const ended = Promise.all([...this.#loops, ...this.#runs]).then(() => undefined);
    await atMost(ended, graceMs);
    this.#aborting.abort(new DOMException('the controller stops', 'AbortError'));
    await atMost(ended, overtimeMs);
    this.#options.heartbeat.end();
    return this.#runs.size === 0;
  }

  /** Aborts what runs: this process may not act any more. */
  abort(reason: unknown): void {
    this.#aborting.abort(reason);
  }

  /** What only a restart helps against; undefined while all is well, before the start and after the end. */
  get problem(): string | undefined {
    const { heartbeat, timeLimitMs, count } = this.#options;
    if (this.#ending) return undefined;
    if (this.#late.size >= count) return `${this.#late.size} runs ignore their time limit and lock their objects`;
    // A run that takes all of its time holds its worker for so long.
    if (heartbeat.silentMs <= timeLimitMs + overtimeMs + marginMs) return undefined;
    return `nothing was taken or ended for ${Math.round(heartbeat.silentMs / 1000)} s`;
  }

  async #loop(): Promise<void> {
    const { queue, heartbeat } = this.#options;
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      heartbeat.beat();
      if (key === heartbeatKey) this.#comeAgain();
      else await this.#work(key);
      await this.#breath.take();
    }
  }

  #comeAgain(): void {
    const { queue } = this.#options;
    queue.done(heartbeatKey);
    queue.add(heartbeatKey, { afterMs: heartbeatMs });
  }

  /** Resolves when the run ends, or when it is so late that the worker must move on. */
  async #work(key: string): Promise<void> {
    const { timeLimitMs, metrics, heartbeat, log, queue } = this.#options;
    const limit = deadline(timeLimitMs, this.#aborting.signal, () => new DOMException(`time limit of ${timeLimitMs} ms`, 'TimeoutError'));
    const startedAt = performance.now();
    metrics.started();
    const run = this.#contained(key, limit.signal).finally(() => {
      if (limit.expired) metrics.timedOut();
      metrics.ended((performance.now() - startedAt) / 1000);
      limit[Symbol.dispose]();
      queue.done(key);
      heartbeat.beat();
      this.#runs.delete(run);
      this.#late.delete(run);
    });
    this.#runs.add(run);
    await atMost(run, timeLimitMs + overtimeMs);
    if (!this.#runs.has(run)) return;
    this.#late.add(run);
    queue.late(key);
    log.error({ key }, 'Run ignores its time limit; its key stays locked until it ends');
  }

  async #contained(key: string, signal: AbortSignal): Promise<void> {
    const { run, queue, metrics, log } = this.#options;
    try {
      const result = (await run(key, signal)) ?? {};
      metrics.outcome(outcomeOf(result));
      if (result.requeue) {
        this.#repeat(key);
        return;
      }
      if (result.postponedFor === undefined) queue.forget(key);
      const afterMs = result.postponedFor ?? result.requeueAfter;
      if (afterMs !== undefined) queue.add(key, { afterMs, priority: queue.priorityOf(key) });
    } catch (error) {
      metrics.outcome('error');
      metrics.failed();
      if (isProgrammingError(error)) metrics.panicked();
      if (error instanceof TerminalError) {
        metrics.terminal();
        queue.forget(key);
        log.error({ key, err: messageOf(error) }, 'Reconcile failed for good; waiting for a change');
        return;
      }
      const failures = queue.failures(key) + 1;
      const retryInMs = queue.retry(key, failures > 1 ? lowPriority : queue.priorityOf(key));
      log.warn({ key, err: messageOf(error), stack: stackOf(error), failures, retryInMs }, 'Reconcile failed');
    }
  }

  /** No failure; but what never gets anywhere must not be silent. */
  #repeat(key: string): void {
    const { queue, log } = this.#options;
    const times = queue.repeat(key, queue.priorityOf(key));
    const level = times % toldEvery === 0 ? 'warn' : 'debug';
    log[level]({ key, times }, 'What was looked at is of the past; looking again');
  }
}

/** Of repetitions in a row; the tenth comes after five seconds. */
const toldEvery = 10;

function outcomeOf({ requeue, postponedFor, requeueAfter }: Result): Outcome {
  if (requeue || postponedFor !== undefined) return 'requeue';
  return requeueAfter === undefined ? 'success' : 'requeue_after';
}

const isProgrammingError = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError || !(error instanceof Error);

/** Only bugs need a stack; an answer of the API server is its own explanation. */
const stackOf = (error: unknown): string | undefined => (isProgrammingError(error) && error instanceof Error ? error.stack : undefined);
