/**
 * The budget as one call sees it: reserve before, settle after.
 *
 * Guarantees: a tenant, an agent or a caller with limits never has more reserved and settled than they allow, over all replicas; a call is settled once;
 * a call waits for the database only where more is needed than this replica has in hand, and one that nothing limits never does.
 */
import type { Logger } from '@cloister/telemetry';
import { smaller } from './amount.ts';
import { ladder, unshortened, type Ladder, type Worst } from './ask.ts';
import { Conversation } from './conversation.ts';
import type { Ledger } from './ledger.ts';
import { chainOf, type Limits, type Link } from './limits.ts';
import { costOf, type MicroUsd } from './money.ts';
import { refused, unavailable } from './refuse.ts';
import type { Hold, Waiting } from './tenant-lease.ts';
import type { Billed } from './usage-sheet.ts';
import { within, type Reported } from './used.ts';

export interface Call extends Billed {
  readonly tenantUid: string;
}

export interface Reservation {
  /** The most output the call may produce. */
  readonly outputTokens: number;
  /** Puts what was used in the place of what was reserved. Only the first call counts. Gives what it cost. */
  settle(used: Reported): MicroUsd;
}

export interface Budget {
  /**
   * Rejects with `budget_exceeded`, `budget_reserved` or `budget_unavailable`; under a soft limit also with `budget_downgraded` or
   * `budget_throttled`, which say nothing of calls without one.
   */
  reserve(call: Call, limits: Limits, worst: Worst): Promise<Reservation>;
}

export interface BudgetOptions {
  readonly log: Logger;
  /** Hears where each reservation came from. */
  readonly reserved?: (from: 'memory' | 'ledger') => void;
  /** Hears how long the ledger took to answer. */
  readonly answered?: (seconds: number) => void;
  /** Milliseconds between heartbeats; 250 unless a test is in a hurry. */
  readonly beatMs?: number;
  /** Milliseconds for which something is kept in hand of a budget that nobody spends from; a minute unless a test is in a hurry. */
  readonly keptForMs?: number | undefined;
}

/** Milliseconds that a call waits for what others have reserved or have in hand, before it is refused: a few heartbeats. */
const patience = 1_000;

/** No provider means more than this; a report beyond it must not overflow what the ledger can hold. */
const mostTokens = { inputTokens: 1e12, outputTokens: 1e12 };
const mostMicroUsd = 10n ** 15n;

interface WaitingCall extends Waiting {
  readonly until: number;
  readonly resolve: (hold: Hold) => void;
  readonly reject: (error: unknown) => void;
  inVain: string | undefined;
}

export class LeasedBudget implements Budget {
  readonly #conversation: Conversation;
  readonly #reserved: (from: 'memory' | 'ledger') => void;
  /** Calls that need more than is in hand, by tenant; the earliest first. */
  readonly #waiting = new Map<string, WaitingCall[]>();

  constructor(ledger: Ledger, options: BudgetOptions) {
    this.#reserved = options.reserved ?? (() => undefined);
    this.#conversation = new Conversation(ledger, options, {
      waiting: () => this.#waiting,
      heard: () => [...this.#waiting.keys()].map((uid) => this.#serve(uid)).includes(true),
      failed: (error) => {
        const calls = [...this.#waiting.values()].flat();
        this.#waiting.clear();
        for (const { reject } of calls) reject(unavailable(error));
      },
    });
  }

  /** Calls that have ended and whose cost the ledger has not confirmed. */
  get unreported(): number {
    return this.#conversation.replica.unreported;
  }

  /** Tenants of whose budget this replica holds a part. */
  get leases(): number {
    return this.#conversation.replica.leases;
  }

  async reserve(call: Call, limits: Limits, worst: Worst): Promise<Reservation> {
    const chain = chainOf(call.tenantUid, call, limits);
    return this.#reservation(call, worst, chain.length === 0 ? undefined : await this.#hold(call, chain, rungsFor(worst, limits)));
  }

  /** Tells the ledger everything and gives everything back. Resolves when it has taken it. */
  close(): Promise<void> {
    return this.#conversation.end();
  }

  async #hold({ tenantUid: uid }: Call, chain: readonly Link[], rungs: Ladder): Promise<Hold> {
    const now = performance.now();
    const tenant = this.#conversation.replica.of(uid);
    const hold = tenant.reserve(rungs, chain, now);
    this.#reserved(hold ? 'memory' : 'ledger');
    if (hold) return hold;
    const refusal = tenant.refusal(rungs, chain, now);
    if (refusal && tenant.isKnownSpent(refusal, now)) throw refused(refusal);
    return new Promise((resolve, reject) => {
      const call = { ladder: rungs, chain, until: now + patience, resolve, reject, inVain: undefined };
      const queue = this.#waiting.get(uid);
      if (queue) queue.push(call);
      else this.#waiting.set(uid, [call]);
      this.#conversation.speak();
    });
  }

  /** Those who wait take what there is now, the earliest first. True: the ledger has more for one of them. */
  #serve(uid: string): boolean {
    const outcomes = (this.#waiting.get(uid) ?? []).map((call) => ({ call, outcome: this.#attend(uid, call) }));
    const left = outcomes.filter(({ outcome }) => outcome !== 'done').map(({ call }) => call);
    if (left.length > 0) this.#waiting.set(uid, left);
    else this.#waiting.delete(uid);
    return outcomes.some(({ outcome }) => outcome === 'ask again');
  }

  #attend(uid: string, call: WaitingCall): 'done' | 'ask again' | 'wait' {
    const tenant = this.#conversation.replica.of(uid);
    const now = performance.now();
    const hold = tenant.reserve(call.ladder, call.chain, now);
    const refusal = hold ? undefined : tenant.refusal(call.ladder, call.chain, now);
    if (hold) call.resolve(hold);
    else if (refusal && (refusal.spent || now >= call.until)) call.reject(refused(refusal));
    // The ledger has more, and is asked once more; only who finds it so again and again is not helped by asking.
    else if (now >= call.until + patience) call.reject(unavailable());
    else {
      call.inVain = refusal?.account;
      return refusal ? 'wait' : 'ask again';
    }
    return 'done';
  }

  #reservation({ tenantUid, ...billed }: Call, { price, outputTokens }: Worst, hold: Hold | undefined): Reservation {
    let settled: MicroUsd | undefined;
    return {
      outputTokens: hold?.outputTokens ?? outputTokens,
      settle: (said) => {
        if (settled !== undefined) return settled;
        const tokens = within(said, mostTokens);
        const microUsd = smaller(costOf(price, tokens), mostMicroUsd);
        settled = microUsd;
        this.#conversation.replica.of(tenantUid).settle(hold, billed, { ...tokens, microUsd });
        if (this.#waiting.has(tenantUid)) this.#serve(tenantUid);
        return microUsd;
      },
    };
  }
}

const rungsFor = (worst: Worst, { soft }: Limits): Ladder => (soft ? unshortened(ladder(worst), worst) : ladder(worst));
