/**
 * What this replica holds of a tenant's budgets, its own and those of its agents and callers, and what its calls used.
 *
 * Guarantees: a call is reserved in all budgets that bind it or in none, in the same day and month of each; it is settled in all of them,
 * and what it used is reported once, in one message with all that was spent of them.
 */
import { AccountLease, bestRung, fits, idleAfter, keyOf, type Lease, type Room, type TimedRefusal } from './account-lease.ts';
import { atLeastNothing, minus, nothing, plus, smaller, type Amount } from './amount.ts';
import type { Ladder } from './ask.ts';
import type { Growth, LeaseKey, LedgerState, Usage } from './ledger.ts';
import { agentAccount, callerAccount, type Link, type Terms } from './limits.ts';
import { UsageSheet, type Billed, type CallerLines, type Cost } from './usage-sheet.ts';

/** A reservation. */
export interface Hold {
  readonly day: string;
  readonly month: string;
  readonly amount: Amount;
  readonly outputTokens: number;
  /** Of which budgets; at least one. */
  readonly of: readonly { readonly account: string; readonly lease: Lease }[];
}

/** A call that needs more than is in hand. */
export interface Waiting {
  readonly chain: readonly Link[];
  readonly ladder: Ladder;
  /** Of this budget the ledger had not enough when it was asked: what is idle here may be what somebody else waits for. */
  readonly inVain: string | undefined;
}

export interface AccountRefusal extends TimedRefusal {
  readonly account: string;
}

export class TenantLease {
  readonly #uid: string;
  readonly #keptFor: number | undefined;
  readonly #accounts = new Map<string, AccountLease>();
  readonly #sheet: UsageSheet;
  /** Since the last report something was reserved, settled or told. */
  #stirred = true;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(uid: string, callerLines?: CallerLines, keptForMs?: number) {
    this.#uid = uid;
    this.#keptFor = keptForMs;
    this.#sheet = new UsageSheet(callerLines);
  }

  /** Calls whose cost was not reported yet. */
  get unreported(): number {
    return this.#sheet.requests;
  }

  /** What the ledger counts as held here, over all budgets. */
  get held(): Amount {
    return [...this.#accounts.values()].reduce((sum, { held }) => plus(sum, held), nothing);
  }

  get holdsAny(): boolean {
    return this.#accounts.values().some(({ holdsAny }) => holdsAny);
  }

  /** There may be something to report. Who rests is looked at once a second. */
  isDue(now: number): boolean {
    return this.#stirred || now - this.#reportedAt >= idleAfter;
  }

  /** Nothing of it would be missed. */
  isEmpty(now: number): boolean {
    return this.unreported === 0 && [...this.#accounts.values()].every((account) => account.isEmpty(now));
  }

  /** Takes the dearest rung that all budgets allow. Undefined: not without asking the ledger. */
  reserve(rungs: Ladder, chain: readonly Link[], now: number): Hold | undefined {
    const places = chain.map(({ account, terms }) => ({ account, rooms: this.#accounts.get(account)?.rooms(terms, now) }));
    const known = places.flatMap(({ account, rooms }) => (rooms ? [{ account, rooms }] : []));
    const [first, ...others] = known;
    if (!first || known.length < chain.length) return undefined;
    // Around midnight one budget may have been told of the new day, and another not yet.
    if (others.some(({ rooms }) => keyOf(rooms.lease) !== keyOf(first.rooms.lease))) return undefined;
    const rung = bestRung(
      rungs,
      others.reduce((least, { rooms }) => lesser(least, rooms.total), first.rooms.total),
    );
    if (!rung || known.some(({ rooms }) => !fits(rung.cost, rooms.inHand))) return undefined;
    for (const { account, rooms } of known) this.#of(account).reserve(rooms, rung.cost, now);
    this.#stirred = true;
    const { day, month } = first.rooms.lease;
    const of = known.map(({ account, rooms }) => ({ account, lease: rooms.lease }));
    return { day, month, amount: rung.cost, outputTokens: rung.outputTokens, of };
  }

  /** Puts what was used in the place of what was reserved. Without a hold, nothing was limited. */
  settle(hold: Hold | undefined, billed: Billed, used: Cost): void {
    this.#stirred = true;
    const total: Amount = { microUsd: used.microUsd, tokens: BigInt(used.inputTokens + used.outputTokens) };
    const overrun = hold ? atLeastNothing(minus(total, hold.amount)) : nothing;
    const leased = new Set<string>();
    for (const { account, lease } of hold?.of ?? [])
      if (this.#of(account).settle(lease, hold?.amount ?? nothing, minus(total, overrun))) leased.add(account);
    const tenantLeased = leased.has(this.#uid);
    const agentLeased = leased.has(agentAccount(this.#uid, billed.agent));
    const callerLeased = leased.has(callerAccount(this.#uid, billed.caller));
    const windows = hold && leased.size > 0 ? { day: hold.day, month: hold.month } : { day: null, month: null };
    this.#sheet.add({ ...windows, tenantLeased, agentLeased, callerLeased }, billed, used, overrun);
  }

  /** How much to ask for, of each budget that keeps calls waiting. What one budget has refused is not asked of the others. */
  growth(waiting: readonly Waiting[], now: number): Growth[] {
    return [...linksOf(waiting)].map(([account, { ladders, terms }]) => this.#of(account).growth(ladders, terms, now));
  }

  /** Why even the cheapest rung cannot be had, as the ledger last said; undefined where it can, or the ledger has to be asked first. */
  refusal(rungs: Ladder, chain: readonly Link[], now: number): AccountRefusal | undefined {
    const found = chain.flatMap(({ account, terms }) => {
      const refusal = this.#accounts.get(account)?.refusal(rungs, terms, now);
      return refusal ? [{ ...refusal, account }] : [];
    });
    return found.find(({ spent }) => spent) ?? found[0];
  }

  /** The ledger said so a moment ago that the budget is spent: asking again would change nothing. */
  isKnownSpent(refusal: AccountRefusal, now: number): boolean {
    return this.#of(refusal.account).isKnownSpent(refusal, now);
  }

  /** Takes out what the ledger is to be told: usage since the last time, and what is not to be kept in hand. */
  report(now: number, keep: 'slice' | 'nothing', waiting: readonly Waiting[] = []): { usage: Usage[]; returns: (LeaseKey & Amount)[] } {
    this.#stirred = false;
    this.#reportedAt = now;
    const wanted = linksOf(waiting);
    const inVain = new Set(waiting.map((call) => call.inVain));
    const returns = [...this.#accounts].flatMap(([name, account]) =>
      account.report(now, inVain.has(name) ? 'nothing' : wanted.has(name) ? 'all' : keep),
    );
    for (const [name, account] of this.#accounts) if (account.isEmpty(now)) this.#accounts.delete(name);
    return { usage: this.#sheet.take(this.#uid), returns };
  }

  /**
   * What the ledger said to a message that was sent at `sentAt`; in which zone it was asked about the windows of an account, and of which accounts it
   * tells because somebody else asks for them.
   */
  learn(
    told: LedgerState,
    sentAt: number,
    zoneOf: (account: string) => string | undefined,
    isRecalled: (account: string) => boolean = () => false,
  ): void {
    this.#stirred = true;
    const leases = Map.groupBy(told.leases, ({ tenantUid }) => tenantUid);
    const present = Map.groupBy(told.present, ({ tenantUid }) => tenantUid);
    for (const account of leases.keys()) {
      const own = { ...told, leases: leases.get(account) ?? [], present: present.get(account) ?? [] };
      this.#of(account).learn(own, sentAt, zoneOf(account), isRecalled(account));
    }
  }

  /** The ledger does not know this replica: what was held and used under its leases counts as spent there. */
  forget(): void {
    for (const account of this.#accounts.values()) account.forget();
    this.#sheet.dropLeased();
  }

  #of(account: string): AccountLease {
    const known = this.#accounts.get(account) ?? new AccountLease(account, this.#keptFor);
    this.#accounts.set(account, known);
    return known;
  }
}

/**
 * Who waits for each budget. Under the newest terms: limits may have changed a moment ago. Where some calls may have all of it, that is what
 * is asked for: each call is held to its own terms when it is reserved.
 */
function linksOf(waiting: readonly Waiting[]): Map<string, { terms: Terms; ladders: Ladder[] }> {
  const links = new Map<string, { terms: Terms; ladders: Ladder[] }>();
  for (const { chain, ladder, inVain } of waiting)
    for (const { account, terms } of chain) {
      if (inVain !== undefined && inVain !== account) continue;
      const known = links.get(account);
      const soft = known && !known.terms.soft ? undefined : terms.soft;
      links.set(account, { terms: { ...terms, soft }, ladders: [...(known?.ladders ?? []), ladder] });
    }
  return links;
}

const lesser = (one: Room, other: Room): Room => ({
  microUsd: least(one.microUsd, other.microUsd),
  tokens: least(one.tokens, other.tokens),
});
const least = (one: bigint | undefined, other: bigint | undefined): bigint | undefined =>
  one === undefined || other === undefined ? (one ?? other) : smaller(one, other);
