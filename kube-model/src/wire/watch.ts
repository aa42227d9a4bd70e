import type { Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { asMetadata } from '../requests/read.ts';
import { expired, statusObject } from '../requests/refused.ts';
import type { Matches } from '../requests/selector.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import type { Change } from '../store/store.ts';
import { ByteStream } from './byte-stream.ts';

export interface WatchScope {
  readonly served: ServedKind;
  readonly namespace: string | undefined;
  readonly matches: Matches;
  readonly metadataOnly: boolean;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
  readonly version: number;
}

/** One open watch. Events wait here until they are delivered, in order; who delivers them decides when. */
export class ModelWatch {
  readonly scope: WatchScope;
  readonly body = new ByteStream();
  readonly #waiting: WatchEvent[] = [];
  /** The newest version that its events may be of. */
  readonly #horizon: () => number;

  constructor(scope: WatchScope, horizon: () => number) {
    this.scope = scope;
    this.#horizon = horizon;
  }

  /** What may be delivered now, oldest first. */
  get pending(): readonly WatchEvent[] {
    const horizon = this.#horizon();
    return this.#waiting.filter(({ version }) => version <= horizon);
  }

  notice(change: Change): void {
    const event = eventOf(this.scope, change);
    if (event) this.#waiting.push(event);
  }

  /** Returns how many events were sent. */
  deliver(count = Number.POSITIVE_INFINITY): number {
    const due = this.pending.slice(0, Math.max(0, count));
    for (const { type, object } of due) this.#send(type, this.scope.metadataOnly ? asMetadata(object) : object);
    this.#waiting.splice(0, due.length);
    return due.length;
  }

  /** Tells the version that the watch has come to. Nothing is sent while older events wait. */
  bookmark(): void {
    if (this.pending.length > 0) return;
    const { apiVersion, kind } = this.scope.served.kind;
    this.#send('BOOKMARK', { apiVersion, kind, metadata: { resourceVersion: String(this.#horizon()) } });
  }

  /** Forgets what was not delivered and says so (410): the client must list again. */
  expire(): void {
    this.#waiting.length = 0;
    this.#send('ERROR', statusObject(expired().status));
    this.body.end();
  }

  #send(type: string, object: Json | object): void {
    this.body.push(`${JSON.stringify({ type, object })}\n`);
  }
}

/** What a change looks like through a selector: an object that no longer matches is gone, one that begins to is new. */
function eventOf({ served, namespace, matches }: WatchScope, { version, before, after, ...change }: Change): WatchEvent | undefined {
  if (change.served !== served) return undefined;
  const seen = (object: StoredObject | undefined): boolean =>
    object !== undefined && (namespace === undefined || object.metadata.namespace === namespace) && matches(object);
  if (after && seen(after)) return { type: seen(before) ? 'MODIFIED' : 'ADDED', object: after, version };
  if (!before || !seen(before)) return undefined;
  return { type: 'DELETED', object: { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } }, version };
}
