/**
 * Says to the ledger what this replica has to say: at once when a call waits, otherwise at the next heartbeat, all tenants together, one
 * message at a time. What comes while a message is on its way travels with the next.
 */
import type { Logger } from '@cloister/telemetry';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Ledger, Message } from './ledger.ts';
import { Replica } from './replica.ts';
import { isAboutTheData, sqlStateOf } from './sql/sql-state.ts';
import type { Waiting } from './tenant-lease.ts';

/** Milliseconds. Four times a second what was spent is reported and what is idle goes back, so that other replicas can use it. */
export const heartbeat = 250;

/** While the ledger is away, heartbeats come less often; a call that needs the ledger tries at once. */
const longestPause = 5_000;

/** A call may be settled a moment after its connection has ended. What is not settled by then is left to expire. */
const lastSettling = 2_000;

const shortly = 20;

/** So often a message is said that finds another window opened meanwhile; it would take as many replicas in a row to be in its way. */
const mostOvertaken = 6;

export interface Callers {
  /** Who needs more than is in hand, by tenant. */
  waiting(): ReadonlyMap<string, readonly Waiting[]>;
  /** The ledger has answered. True: ask it again at once. */
  heard(): boolean;
  /** The ledger cannot be reached. */
  failed(error: unknown): void;
}

interface Options {
  readonly log: Logger;
  readonly answered?: (seconds: number) => void;
  readonly beatMs?: number;
  readonly keptForMs?: number | undefined;
}

export class Conversation {
  readonly replica: Replica;
  readonly #ledger: Ledger;
  readonly #options: Options;
  readonly #callers: Callers;
  readonly #timer: NodeJS.Timeout;
  #talking: Promise<void> | undefined;
  #again = false;
  /** A heartbeat is due: the next message is about all tenants, not only about those who ask. */
  #beats = false;
  #leaving = false;
  #pause = 0;
  #quietUntil = 0;

  constructor(ledger: Ledger, options: Options, callers: Callers) {
    this.replica = new Replica(randomUUID, options.keptForMs);
    this.#ledger = ledger;
    this.#options = options;
    this.#callers = callers;
    this.#timer = setInterval(() => this.#beat(), options.beatMs ?? heartbeat);
  }

  speak(): void {
    if (this.#talking) this.#again = true;
    else
      this.#talking = this.#talk().finally(() => {
        this.#talking = undefined;
        if (this.#isWanted) this.speak();
      });
  }

  /** Says good-bye, when the last call has ended. Resolves when the ledger knows everything and has everything back. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#leaving = true;
    const until = performance.now() + lastSettling;
    while (this.replica.owesWord || (this.replica.leases > 0 && performance.now() < until)) {
      this.speak();
      await this.#talking;
      await sleep(this.#pause || shortly);
    }
  }

  /** Somebody spoke up while a message was on its way. */
  get #isWanted(): boolean {
    return this.#again;
  }

  #beat(): void {
    if (performance.now() < this.#quietUntil) return;
    if (!this.replica.hasToSpeak && this.#callers.waiting().size === 0) return;
    this.#beats = true;
    this.speak();
  }

  /** Never rejects. */
  async #talk(): Promise<void> {
    try {
      let more = true;
      while (more) {
        this.#again = false;
        const about = this.#leaving ? 'the end' : this.#beats ? 'all' : 'those who wait';
        this.#beats = false;
        await this.#say(this.replica.message(performance.now(), about, this.#callers.waiting()));
        this.#pause = this.#quietUntil = 0;
        more = this.#callers.heard() || this.#isWanted;
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  async #say(message: Message): Promise<void> {
    const { said, answer, sentAt } = await this.#insist(message);
    if (answer === 'forgotten')
      this.#options.log.error({ replica: this.replica.id }, 'the ledger has forgotten this replica: what it held counts as spent');
    this.replica.heard(said, answer, sentAt, performance.now());
  }

  /** Twice, because a connection that broke while it was idle says nothing about the ledger; more often where the ledger wants it said again. */
  async #insist(message: Message): Promise<{ said: Message; answer: Answer; sentAt: number }> {
    let [broken, overtaken] = [0, 0];
    for (let said = message; ; said = this.replica.outstanding(performance.now()) ?? said) {
      try {
        return { said, ...(await this.#exchange(said)) };
      } catch (error) {
        if (isOvertaken(error)) overtaken++;
        else broken++;
        if (broken === 2 || overtaken === mostOvertaken) throw error;
        if (overtaken > 0) await sleep(Math.random() * shortly * overtaken);
      }
    }
  }

  async #exchange(message: Message): Promise<{ answer: Answer; sentAt: number }> {
    const sentAt = performance.now();
    const answer = await this.#ledger.exchange(message);
    this.#options.answered?.((performance.now() - sentAt) / 1000);
    return { answer, sentAt };
  }

  #failed(error: unknown): void {
    const reason = error instanceof Error ? error.message : 'unknown';
    if (isAboutTheData(error)) {
      this.#options.log.error(
        { replica: this.replica.id, reason },
        'the ledger refuses what it is told: what this replica holds counts as spent',
      );
      this.replica.startAnew();
    } else if (performance.now() >= this.#quietUntil) {
      this.#pause = Math.min(Math.max(this.#pause * 2, heartbeat), longestPause);
      this.#quietUntil = performance.now() + this.#pause;
      this.#options.log.warn({ retryMs: this.#pause, reason }, 'the ledger of budgets cannot be reached');
    }
    this.#callers.failed(error);
  }
}

/** Somebody opened a window that follows one of those for which the message waited (sql/debt.ts): it changed nothing, and is to be said again. */
const isOvertaken = (error: unknown): boolean => sqlStateOf(error) === '55P03';
