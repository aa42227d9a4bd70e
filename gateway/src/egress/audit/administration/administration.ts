/**
 * Puts administrative changes on record.
 *
 * Guarantees: what several replicas see, or one sees again, is on record once, and never one that is older than what is on record. What changed
 * while Postgres or all of egress was away is on record when they are back, as one change from what was on record to what is. A chain that takes no
 * records, because somebody changed it, stops no other; what it does not take is lost, until the same is said again when it takes some.
 */
import { canonicalJSON } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';
import { Outbox } from '../../../server/outbox.ts';
import { isAboutTheData } from '../../budget/sql/sql-state.ts';
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

export class Administration {
  readonly #store: AdministrationStore;
  readonly #log: Logger;
  readonly #lost: (records: number) => void;
  readonly #outbox: Outbox<News>;

  /** `lost` hears of changes that will not be on record. */
  constructor(store: AdministrationStore, log: Logger, lost: (records: number) => void = () => undefined) {
    this.#store = store;
    this.#log = log;
    this.#lost = lost;
    this.#outbox = new Outbox({
      what: 'put an administrative change on record',
      log,
      deliver: async (all) => {
        for (const news of all) await this.note(news);
      },
      replaces: (newer, older) => newer.tenantUid === older.tenantUid && newer.what === older.what,
    });
  }

  /** In the background, one after the other, until the store takes it. */
  tell(news: News): void {
    this.#outbox.put(news);
  }

  /** Resolves when it is on record, is no news, or is lost. Rejects where the store is away. */
  async note(news: News): Promise<void> {
    try {
      await this.#record(news);
    } catch (error) {
      if (!isAboutTheData(error)) throw error;
      const { tenant, tenantUid, what } = news;
      const reason = error instanceof Error ? error.message : 'unknown';
      this.#lost(1);
      this.#log.error({ tenant, tenantUid, what, reason }, 'the audit of a tenant does not take an administrative change');
    }
  }

  async #record(news: News): Promise<void> {
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

  /** What is on record and not there any more is gone, since when nobody knows. `isGone` is asked of what was there by then. */
  async noteGone(prefix: string, part: News['part'], isGone: (what: Owner & { readonly what: string }) => Promise<boolean>): Promise<void> {
    for (const live of await this.#store.live(prefix))
      if (await isGone(live)) await this.note({ ...live, part, version: live.version + 0.5, state: undefined });
  }

  /** Of every tenant, what is there according to the record. */
  live(prefix: string): ReturnType<AdministrationStore['live']> {
    return this.#store.live(prefix);
  }

  /** What is not taken by then, the next process finds by comparing with what is on record. */
  close(): Promise<void> {
    return this.#outbox.close();
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
