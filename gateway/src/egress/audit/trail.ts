/**
 * Takes records in memory and brings them to the store, all tenants together, four times a second.
 *
 * Guarantees: taking a record waits for nobody and never fails; records of a tenant are stored in the order in which they were taken, each
 * once; one that is lost (this process dies, or the store is away for so long that memory would not do) leaves a gap in the numbers that
 * follow, or a writer without an end.
 */
import type { Logger } from '@cloister/telemetry';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Facts } from '../../server/exchange.ts';
import { isAboutTheData } from '../budget/sql/sql-state.ts';
import { Anchors } from './anchors.ts';
import type { Owner } from './chain.ts';
import type { AuditStore, Entry } from './store.ts';

/** Milliseconds. What a crash can lose is what was taken since the last flush. */
export const flushInterval = 250;

/** Records in one statement, which has to end within the time-out of statements. */
const largestBatch = 1_000;

/** Records that wait while the store is away, of a few hundred bytes each. Later ones are lost. */
const mostWaiting = 50_000;

const longestPause = 5_000;

/** Milliseconds. A call may end a moment after its connection has; what has not by then is not recorded. */
const lastEnding = 2_000;

export type CallKind = 'model_call' | 'tool_connection';

export interface TrailOptions {
  readonly log: Logger;
  /** Hears of records that will never be stored. */
  readonly lost?: (records: number) => void;
  /** Milliseconds between flushes, unless a test is in a hurry. */
  readonly flushMs?: number;
  readonly mostWaiting?: number;
}

export class AuditTrail {
  readonly writer = randomUUID();
  readonly #store: AuditStore;
  readonly #options: TrailOptions;
  readonly #anchors: Anchors;
  /** By UID: how many records of the tenant were numbered. */
  readonly #numbered = new Map<string, { readonly owner: Owner; count: number }>();
  #waiting: Entry[] = [];
  /** Calls whose record is not made yet. */
  #inProgress = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #pause = 0;

  constructor(store: AuditStore, options: TrailOptions) {
    this.#store = store;
    this.#options = options;
    this.#anchors = new Anchors(options.log);
  }

  /** Taken and not known to be stored. */
  get unwritten(): number {
    return this.#waiting.length;
  }

  /** A call begins. What is returned must be called once, when it has ended, with what its record says beside writer, number and time. */
  begin(owner: Owner, kind: CallKind = 'model_call'): (facts: Facts) => void {
    this.#inProgress++;
    return (facts) => {
      this.#inProgress--;
      this.#take(owner, kind, facts);
    };
  }

  #take(owner: Owner, kind: CallKind | 'writer_ended', facts: Facts = {}): void {
    const { tenantUid, tenant } = owner;
    const numbered = this.#numbered.get(tenantUid) ?? { owner, count: 0 };
    this.#numbered.set(tenantUid, numbered);
    const number = ++numbered.count;
    if (this.#waiting.length >= (this.#options.mostWaiting ?? mostWaiting)) {
      this.#options.lost?.(1);
      return;
    }
    const record = JSON.stringify({ kind, writer: this.writer, number, at: new Date().toISOString(), ...facts });
    this.#waiting.push({ tenantUid, tenant, number, record });
    this.#schedule();
  }

  /** Ends every tenant's records of this writer and resolves when all is stored. No call may begin any more. */
  async close(): Promise<void> {
    const until = performance.now() + lastEnding;
    while (this.#inProgress > 0 && performance.now() < until) await sleep(20);
    await this.#flushing;
    for (const { owner } of this.#numbered.values()) this.#take(owner, 'writer_ended');
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0) {
      await this.#flush();
      await sleep(this.#pause);
    }
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#flushing !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#flushing = this.#flush().finally(() => {
          this.#flushing = undefined;
          if (this.#waiting.length > 0) this.#schedule();
        });
      },
      Math.max(this.#pause, this.#options.flushMs ?? flushInterval),
    );
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, largestBatch);
        await this.#append(batch);
        this.#waiting = this.#waiting.slice(batch.length);
        this.#pause = 0;
      }
    } catch (error) {
      this.#pause = Math.min(Math.max(this.#pause * 2, flushInterval), longestPause);
      this.#options.log.warn(
        { retryMs: this.#pause, waiting: this.#waiting.length, reason: reasonOf(error) },
        'the audit cannot be written',
      );
    }
  }

  /** Rejects only where the store is to be asked again. A chain that takes no records, because somebody changed it, stops no other. */
  async #append(batch: readonly Entry[]): Promise<void> {
    try {
      this.#anchors.tell(await this.#store.append(this.writer, batch));
    } catch (error) {
      if (!isAboutTheData(error)) throw error;
      const byTenant = [...Map.groupBy(batch, ({ tenantUid }) => tenantUid).values()];
      if (byTenant.length > 1) {
        for (const entries of byTenant) await this.#append(entries);
        return;
      }
      const { tenant } = batch[0] ?? {};
      this.#options.lost?.(batch.length);
      this.#options.log.error({ tenant, records: batch.length, reason: reasonOf(error) }, 'the audit of a tenant takes no more records');
    }
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');
