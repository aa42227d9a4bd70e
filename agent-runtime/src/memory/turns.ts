/**
 * One exchange at a time per conversation, across all replicas.
 *
 * Flow: who wants the turn takes it in the database for {@link leaseSeconds} and renews it while the model works. Storing the exchange ends
 * it, under the condition that it is still held.
 * Guarantees: exchanges of one conversation never interleave, even when a replica stalls, because a lost turn cannot store. Within a replica
 * turns are granted in order of arrival; between replicas in no particular order. A replica that dies delays the next turn by one lease.
 * Why not a lock held by a connection: a model may take minutes, and the tenant's role has few connections.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@cloister/telemetry';
import { fail } from '../errors.ts';
import type { Database } from '../store/database.ts';

export interface Turn {
  /** What {@link Conversations.append} asks for. */
  readonly holder: string;
  /** Gives the turn back where storing has not. Never throws: an unreturned turn ends by itself. */
  end(): Promise<void>;
}

const leaseSeconds = 15;
const renewEveryMs = 5_000;
const pollMs = { first: 50, longest: 500 };
/** How long a message waits for the one before it. Beyond that the caller does better to come back than to hold a connection. */
const defaultPatienceMs = 30_000;

export interface TurnsOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly patienceMs?: number;
}

export class Turns {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #patienceMs: number;
  /** The last in line per conversation in this process. */
  readonly #line = new Map<string, Promise<void>>();

  constructor({ database, logger, patienceMs = defaultPatienceMs }: TurnsOptions) {
    this.#database = database;
    this.#logger = logger;
    this.#patienceMs = patienceMs;
  }

  /** Throws `conversation_busy` when patience ends, the signal's reason when it aborts, and what the database throws. */
  async take(conversation: string, signal: AbortSignal): Promise<Turn> {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(fail('conversation_busy', { retryAfterSeconds: 1 })), this.#patienceMs);
    const line = this.#joinLine(conversation);
    try {
      const waiting = AbortSignal.any([signal, patience.signal]);
      await firstOf(line.before, waiting);
      const holder = await this.#acquire(conversation, waiting);
      return this.#turn(conversation, holder, line.leave);
    } catch (error) {
      line.leave();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #turn(conversation: string, holder: string, leaveLine: () => void): Turn {
    const renewal = setInterval(() => void this.#renew(conversation, holder), renewEveryMs).unref();
    const end = async (): Promise<void> => {
      clearInterval(renewal);
      await this.#giveBack(conversation, holder);
      leaveLine();
    };
    return { holder, end };
  }

  /** `before` resolves when everybody who came earlier has left. Leaving early keeps the order of those behind. */
  #joinLine(conversation: string): { before: Promise<void>; leave: () => void } {
    const before = this.#line.get(conversation) ?? Promise.resolve();
    const { promise: left, resolve: leave } = Promise.withResolvers<undefined>();
    const here = before.then(() => left);
    this.#line.set(conversation, here);
    void here.then(() => {
      if (this.#line.get(conversation) === here) this.#line.delete(conversation);
    });
    return { before, leave: () => leave(undefined) };
  }

  async #acquire(conversation: string, signal: AbortSignal): Promise<string> {
    const holder = randomUUID();
    for (let pause = pollMs.first; !(await this.#tryAcquire(conversation, holder)); pause = Math.min(pause * 2, pollMs.longest))
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    return holder;
  }

  async #tryAcquire(conversation: string, holder: string): Promise<boolean> {
    const rows = await this.#database.query(
      `update conversation set turn_holder = $2, turn_until = now() + make_interval(secs => $3)
        where id = $1 and (turn_until is null or turn_until <= now()) returning id`,
      [conversation, holder, leaseSeconds],
    );
    return rows.length > 0;
  }

  async #renew(conversation: string, holder: string): Promise<void> {
    const renew = 'update conversation set turn_until = now() + make_interval(secs => $3) where id = $1 and turn_holder = $2';
    await this.#quietly(renew, [conversation, holder, leaseSeconds]);
  }

  async #giveBack(conversation: string, holder: string): Promise<void> {
    await this.#quietly('update conversation set turn_holder = null, turn_until = null where id = $1 and turn_holder = $2', [
      conversation,
      holder,
    ]);
  }

  /** A turn that could not be renewed or returned runs out by itself, and storing checks who holds it. */
  async #quietly(sql: string, values: readonly (string | number)[]): Promise<void> {
    try {
      await this.#database.query(sql, values);
    } catch (error) {
      this.#logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'Turn of a conversation not updated');
    }
  }
}

/** Resolves with the work, or throws the signal's reason as soon as it aborts. */
async function firstOf(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(asError(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error('aborted'));
