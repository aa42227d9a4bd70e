/**
 * Puts administrative changes on record.
 *
 * Guarantees: what several replicas see, or one sees again, is on record once, and never one that is older than what is on record. What changed
 * while Postgres or all of egress was away is on record when they are back, as one change from what was on record to what is.
 */
import { canonicalJSON } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Owner } from '../chain.ts';
import type { AdministrationStore } from './administration-store.ts';
import { changesBetween } from './changes.ts';

export interface News extends Owner {
  /** `policy`, or `key:` and an id. */
  readonly what: string;
  /** Which part of Cloister has brought it about. */
  readonly part: 'operator' | 'edge';
  /** Grows with each change of it. */
  readonly version: number;
  /** How it is now, without any secret; undefined where it is gone. */
  readonly state: object | undefined;
  /** Who has asked for it, where that is known. */
  readonly by?: string | undefined;
}

/** News that wait while the store is away. Beyond that, only the latest of each thing is kept. */
const mostWaiting = 10_000;
/** Milliseconds. */
const pauses = { first: 250, longest: 5_000 };

export class Administration {
  readonly #store: AdministrationStore;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #waiting: News[] = [];
  #working: Promise<void> | undefined;

  constructor(store: AdministrationStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** In the background, one after the other, until the store takes it. */
  tell(news: News): void {
    if (this.#waiting.length >= mostWaiting)
      this.#waiting = this.#waiting.filter(
        ({ tenantUid, what }, place) => place === 0 || tenantUid !== news.tenantUid || what !== news.what,
      );
    this.#waiting.push(news);
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  /** Resolves when it is on record, or is no news. Rejects where the store is away. */
  async note(news: News): Promise<void> {
    const at = new Date().toISOString();
    for (;;) {
      const seen = await this.#store.seen(news.tenantUid, news.what);
      if (seen && seen.version >= news.version) return;
      const { tenantUid, tenant, what, version, state } = news;
      const facts = factsOf(news, seen?.state ?? undefined, at);
      const text = state === undefined ? null : canonicalJSON(state);
      if (await this.#store.note({ tenantUid, tenant, what, expected: seen?.version, version, state: text, facts })) return;
    }
  }

  /** What is on record and not there any more is gone, since when nobody knows. `isThere` must know all that is there. */
  async noteGone(prefix: string, part: News['part'], isThere: (what: Owner & { readonly what: string }) => boolean): Promise<void> {
    for (const live of await this.#store.live(prefix))
      if (!isThere(live)) await this.note({ ...live, part, version: live.version + 0.5, state: undefined });
  }

  /** Gives what waits one last try. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  async #work(): Promise<void> {
    let pause = pauses.first;
    for (let news = this.#waiting[0]; news; news = this.#waiting[0]) {
      try {
        await this.note(news);
        this.#waiting.shift();
        pause = pauses.first;
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'unknown';
        this.#log.warn({ reason, waiting: this.#waiting.length, retryMs: pause }, 'administrative changes cannot be put on record yet');
        if (this.#closing.signal.aborted) return; // the next process compares with what is on record
        await sleep(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined);
        pause = Math.min(pause * 2, pauses.longest);
      }
    }
  }
}

/** JSON of the record; undefined where nothing has changed. */
function factsOf({ what, part, state, by }: News, before: string | undefined, at: string): string | undefined {
  const [object, key] = what.split(':');
  const about = { at, part, object, ...(key !== undefined && { key }) };
  const who = by === undefined ? {} : { by };
  if (state === undefined) return before === undefined ? undefined : JSON.stringify({ ...about, action: 'removed', ...who });
  const changes = changesBetween(before === undefined ? undefined : JSON.parse(before), JSON.parse(canonicalJSON(state)));
  if (changes.length === 0) return undefined;
  return JSON.stringify({ ...about, action: before === undefined ? 'added' : 'changed', ...who, changes });
}
