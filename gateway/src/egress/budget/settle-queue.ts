/**
 * Settles calls behind the answers: many in one transaction, one transaction at a time, again and again until the ledger has taken them.
 * What is not settled when the process dies stays reserved, and counts in full once it expires.
 */
import type { Logger } from '@cloister/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger, Settlement } from './ledger.ts';

const mostAtOnce = 200;
const pauses = { first: 50, longest: 5_000 };

/** Beyond this many, new calls are refused rather than served on credit: it takes minutes of a ledger that is away. */
export const mostPending = 50_000;

export class SettleQueue {
  readonly #ledger: Ledger;
  readonly #log: Logger;
  #pending: Settlement[] = [];
  #running = false;
  /** Completed settlements, and those that were ever asked for: together they tell when a given moment's work is done. */
  #asked = 0;
  #done = 0;
  readonly #waiting: { readonly until: number; readonly resolve: () => void }[] = [];

  constructor(ledger: Ledger, log: Logger) {
    this.#ledger = ledger;
    this.#log = log;
  }

  get full(): boolean {
    return this.#asked - this.#done >= mostPending;
  }

  get size(): number {
    return this.#asked - this.#done;
  }

  add(settlement: Settlement): void {
    this.#pending.push(settlement);
    this.#asked++;
    if (!this.#running) void this.#run();
  }

  /** Resolves when everything that was added before is in the ledger. */
  flushed(): Promise<void> {
    if (this.#done >= this.#asked) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ until: this.#asked, resolve });
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, mostAtOnce);
      await this.#settle(batch);
      this.#done += batch.length;
      while (this.#waiting[0] && this.#waiting[0].until <= this.#done) this.#waiting.shift()?.resolve();
    }
    this.#running = false;
  }

  async #settle(batch: readonly Settlement[]): Promise<void> {
    for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.longest)) {
      try {
        await this.#ledger.settle(batch);
        return;
      } catch (error) {
        if (isAboutTheData(error)) {
          await this.#settleOneByOne(batch, error);
          return;
        }
        this.#log.warn(
          { calls: batch.length, retryMs: pause, reason: reasonOf(error) },
          'the ledger cannot be reached to settle; trying again',
        );
        await sleep(pause);
      }
    }
  }

  /** One call that the ledger will never take must not hold up the others. It stays reserved, so in the end it counts in full. */
  async #settleOneByOne(batch: readonly Settlement[], error: unknown): Promise<void> {
    const [first, ...others] = batch;
    if (first && others.length === 0) {
      const { tenant, id } = first.call;
      this.#log.error(
        { tenant, call: id, microUsd: String(first.microUsd), reason: reasonOf(error) },
        'the ledger refuses to settle a call',
      );
      return;
    }
    for (const one of batch) await this.#settle([one]);
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint violated): trying again would change nothing. */
const isAboutTheData = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code);

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');
