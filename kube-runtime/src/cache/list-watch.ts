import type { CacheScope } from '../cluster/cluster.ts';
import type { AttentiveWire } from '../cluster/outage.ts';
import { isExpired, KubeError, KubeRuntimeError } from '../errors.ts';
import { textOf, isRecord, type JsonRecord } from '../json.ts';
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { Backoff } from '../time/backoff.ts';
import { deadline } from '../time/deadline.ts';
import { sleep } from '../time/sleep.ts';
import { rawWatch, readAll, type RawEvent } from './source.ts';
import type { InformerTimings } from './timings.ts';

/** Where list and watch deliver to. */
export interface Sink<Item> {
  /** Takes in an item of a list that is being read, in the form in which `replace` wants it. */
  take(raw: unknown): Item;
  /** A full, consistent list: what is not in it does not exist. */
  replace(items: readonly Item[], resourceVersion: string): void;
  event(event: RawEvent, resourceVersion: string): void;
  fault(error: unknown): void;
  /** Called whenever the loop moves: a byte, an answer, a new try. */
  sign(): void;
  /** A watch is open after trouble. */
  recovered(): void;
}

export interface ListWatchOptions {
  readonly wire: AttentiveWire;
  readonly kind: Kind<BaseObject>;
  readonly scope: CacheScope;
  readonly timings: InformerTimings;
}

/**
 * Lists once, then watches, for ever.
 *
 * Flow: list → watch from its version → watch again from the last version seen, whatever ended the watch → list again only when the
 * server has forgotten that version (410).
 * Guarantees: only `signal` ends it; each fault costs a pause (0.8 s doubled to 30 s, or what Retry-After says) and nothing else; where
 * the server did not answer at all, the pause ends soon after it answers anybody; a connection that went silent is dropped and replaced.
 */
export class ListWatch<Item> {
  readonly #options: ListWatchOptions;
  readonly #sink: Sink<Item>;
  readonly #backoff: Backoff;
  #version: string | undefined;
  /** This server sends bookmarks: silence for longer than they take means a dead connection, from the first moment of a watch on. */
  #bookmarked = false;

  constructor(options: ListWatchOptions, sink: Sink<Item>) {
    this.#options = options;
    this.#sink = sink;
    this.#backoff = new Backoff(options.timings.backoff);
  }

  async run(signal: AbortSignal): Promise<void> {
    const stopped = (): boolean => signal.aborted;
    while (!stopped()) {
      this.#sink.sign();
      try {
        this.#version ??= await this.#list(signal);
        await this.#watch(this.#version, signal);
      } catch (error) {
        if (stopped()) return;
        await this.#waitAfter(error, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { wire, kind, scope, timings } = this.#options;
    const take = (raw: unknown): Item => this.#sink.take(raw);
    const all = await readAll(wire, kind, scope, { pageSize: timings.pageSize, signal, take });
    if (!signal.aborted) this.#sink.replace(all.items, all.resourceVersion);
    return all.resourceVersion;
  }

  /** Returns when the server ended the watch as asked; throws for every other end. */
  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { wire, kind, scope, timings } = this.#options;
    const [shortest, longest] = timings.watchMs;
    const askedMs = shortest + Math.random() * (longest - shortest);
    const silent = (): Error => new KubeRuntimeError('watch_ended', { what: kind.plural, why: 'the connection went silent' });
    let patienceMs = askedMs + timings.graceMs;
    if (this.#bookmarked) patienceMs = Math.min(patienceMs, timings.bookmarkSilenceMs);
    using silence = deadline(patienceMs, signal, silent);
    const opened = performance.now();
    let events = 0;
    const heard = (): void => {
      this.#sink.sign();
      this.#sink.recovered();
      silence.extend(Math.max(0, Math.min(patienceMs, opened + askedMs + timings.graceMs - performance.now())));
    };
    const timeoutSeconds = Math.max(1, Math.ceil(askedMs / 1000));
    try {
      for await (const together of rawWatch(wire, kind, scope, {
        resourceVersion: from,
        timeoutSeconds,
        signal: silence.signal,
        onChunk: heard,
      })) {
        if (signal.aborted) return;
        events += together.length;
        if (together.some(({ type }) => type === 'BOOKMARK')) {
          this.#bookmarked = true;
          patienceMs = Math.min(patienceMs, timings.bookmarkSilenceMs);
          heard(); // the shorter patience counts from this very bookmark on
        }
        for (const event of together) this.#deliver(event);
      }
    } catch (error) {
      // what was cut by our own clock is the clock's error, not that of the broken stream
      throw silence.expired ? silence.signal.reason : error;
    } finally {
      if (performance.now() - opened >= timings.healthyWatchMs) this.#backoff.reset();
    }
    const lived = performance.now() - opened;
    if (events === 0 && lived < timings.shortWatchMs) {
      throw new KubeRuntimeError('watch_ended', { what: kind.plural, why: `the server closed it after ${Math.round(lived)} ms` });
    }
  }

  #deliver(event: RawEvent): void {
    const version = versionOf(event.object);
    if (version === undefined) return;
    this.#sink.event(event, version);
    this.#version = version; // only once delivered: an event that could not be is asked for again
  }

  /** A server that is away is waited for together with all others; what made the pauses grow is over then. */
  async #waitAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const pause = this.#pauseAfter(error);
    if (!(error instanceof KubeError) || error.status !== 0) await sleep(pause, signal);
    else if (await this.#options.wire.pause(pause, signal)) this.#backoff.reset();
  }

  /** The first fault in a while is mended at once when the server had simply hung up; all others wait. */
  #pauseAfter(error: unknown): number {
    if (isExpired(error)) this.#version = undefined;
    this.#sink.fault(error);
    const hungUp = isExpired(error) || !(error instanceof KubeError);
    const first = this.#backoff.isFresh();
    const pause = this.#backoff.next();
    const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    return hungUp && first ? 0 : Math.max(pause, asked);
  }
}

const versionOf = (object: JsonRecord): string | undefined =>
  isRecord(object['metadata']) ? textOf(object['metadata']['resourceVersion']) : undefined;
