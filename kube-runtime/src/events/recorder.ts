import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Cluster } from '../cluster/cluster.ts';
import { isAlreadyThere, isNotFound, messageOf } from '../errors.ts';
import { kind } from '../kind.ts';
import { counter } from '../metrics.ts';
import { keepRecent } from '../recent.ts';
import type { BaseObject } from '../resource.ts';
import { atMost } from '../time/at-most.ts';
import { Correlation, type Folded } from './correlation.ts';
import type { EventNote } from './event.ts';

const events = kind('events.k8s.io/v1', 'Event');
/** Waiting to be written. More than this means that the server is not keeping up, and Events are the first thing to go. */
const longestLine = 1_000;
const longestNoteBytes = 1_024;
const seriesWindowMs = 360_000;

/** Why an Event is not written: its object has had too many, too many wait, the server does not take it, or the controller stops first. */
const whys = ['limit', 'queue', 'refused', 'stop'] as const;

interface Written {
  readonly name: string;
  count: number;
  last: number;
}

/**
 * Writes Events about objects.
 *
 * Guarantees of `record`: never throws, never holds up its caller, never floods (see `correlation.ts`); the same note again within six minutes
 * counts up the series of the first, and so do notes alike beyond the ninth wording. What cannot be written is dropped and counted.
 */
export class EventRecorder {
  readonly #cluster: Cluster;
  readonly #controller: string;
  readonly #instance: string;
  readonly #correlation = new Correlation();
  readonly #written = new Map<string, Written>();
  readonly #dropped: (why: (typeof whys)[number]) => void;
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #ending = new AbortController();

  /** `controller` is who the Events say they are from. */
  constructor(cluster: Cluster, controller: string) {
    this.#cluster = cluster;
    this.#controller = controller;
    this.#instance = `${controller}-${hostname()}`.slice(0, 128);
    const dropped = counter(cluster.registry, {
      name: 'kube_runtime_events_dropped_total',
      help: `Events not written, by why: ${whys.join(', ')}`,
      labelNames: ['controller', 'why'],
    });
    for (const why of whys) dropped.inc({ controller, why }, 0);
    this.#dropped = (why) => dropped.inc({ controller, why });
  }

  /** Queues an Event about the object and returns at once. */
  record(about: BaseObject, note: EventNote): void {
    const now = Date.now();
    const folded = this.#correlation.fold(about, note, now);
    if (!this.#correlation.allows(about, now)) this.#dropped('limit');
    else if (this.#waiting >= longestLine) this.#dropped('queue');
    else this.#enqueue(about, folded, now);
  }

  /**
   * Resolves once the server has the Event. It is named by the object's UID and `occasion`, so there is one however often, and by however many
   * processes, it is told; what the first one says stands. Rejects where the server does not take it. Not limited: the caller bounds the occasions.
   */
  async recordOnce(about: BaseObject, note: EventNote, occasion: string): Promise<void> {
    const id = createHash('sha256')
      .update(`${about.metadata.uid ?? ''}\n${occasion}`)
      .digest('hex')
      .slice(0, 16);
    try {
      await this.#cluster.create(events, this.#event(about, note, nameOf(about, id), Date.now()));
    } catch (error) {
      if (!isAlreadyThere(error)) throw error;
    }
  }

  #enqueue(about: BaseObject, folded: Folded, now: number): void {
    this.#waiting++;
    this.#line = this.#line
      .then(() => this.#write(about, folded, now))
      .catch((error: unknown) => {
        this.#dropped(this.#ending.signal.aborted ? 'stop' : 'refused');
        this.#cluster.log.debug({ err: messageOf(error), reason: folded.note.reason }, 'Event was not written');
      })
      .finally(() => this.#waiting--);
  }

  /** Resolves once everything recorded so far was tried. */
  flush(): Promise<void> {
    return this.#line;
  }

  /** Gives what waits so many milliseconds to be written, and drops the rest. Nothing is written after that. */
  async end(ms: number): Promise<void> {
    await atMost(this.#line, ms);
    if (this.#waiting > 0)
      this.#cluster.log.warn({ controller: this.#controller, dropped: this.#waiting }, 'Events were not written before the stop');
    this.#ending.abort();
    await this.#line;
  }

  async #write(about: BaseObject, { note, series }: Folded, now: number): Promise<void> {
    this.#ending.signal.throwIfAborted();
    const id = createHash('sha256').update(series).digest('base64');
    const before = this.#written.get(id);
    if (before && now - before.last < seriesWindowMs && (await this.#countUp(about, before, now))) return;
    const name = nameOf(about, randomBytes(8).toString('hex'));
    await this.#cluster.create(events, this.#event(about, note, name, now), { signal: this.#ending.signal });
    keepRecent(this.#written, id, { name, count: 1, last: now });
  }

  /** False when the first Event is gone (the server keeps them an hour): then a new one begins. */
  async #countUp(about: BaseObject, before: Written, now: number): Promise<boolean> {
    before.count++;
    before.last = now;
    const series = { count: before.count, lastObservedTime: microTime(now) };
    try {
      await this.#cluster.patch(events, { name: before.name, namespace: homeOf(about) }, { series }, { signal: this.#ending.signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  #event(about: BaseObject, note: EventNote, name: string, now: number) {
    const { metadata } = about;
    return {
      metadata: { name, namespace: homeOf(about) },
      eventTime: microTime(now),
      reportingController: this.#controller,
      reportingInstance: this.#instance,
      type: note.type,
      reason: note.reason.slice(0, 128),
      action: (note.action ?? note.reason).slice(0, 128),
      note: cut(note.message),
      regarding: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
      },
    };
  }
}

const nameOf = ({ metadata }: BaseObject, id: string): string => `${metadata.name.slice(0, 230)}.${id}`;

/** Events are namespaced; those about cluster-scoped objects live in `default`, where kubectl looks for them. */
const homeOf = ({ metadata }: BaseObject): string => metadata.namespace ?? 'default';

const microTime = (ms: number): string => new Date(ms).toISOString().replace(/Z$/, '000Z');

/** At most 1,024 bytes, without half a character at the end. */
function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= longestNoteBytes) return message;
  return `${new TextDecoder().decode(bytes.subarray(0, longestNoteBytes - 6)).replace(/\uFFFD$/, '')}…`;
}
