/**
 * What this replica holds of one budget, in memory: the rules, without clock, network or database.
 *
 * Guarantees: what is reserved and spent in a window never exceeds what the ledger gave for it (a limit set in mid-flight is caught up with
 * before anything else is reserved); a call bills to the windows in which it was reserved.
 *
 * Times are milliseconds of this process's steady clock. How long a window lasts was told by the ledger; should the clocks drift apart, a
 * call bills to the window that is just over, whose limit holds all the same.
 */
import { atLeastNothing, each, isNothing, larger, minus, nothing, plus, smaller, times, units, type Amount, type Unit } from './amount.ts';
import { leastOf, type Ladder, type Rung } from './ask.ts';
import type { Growth, LeaseKey, LedgerState } from './ledger.ts';
import { areEqual, freeOf, shortage, sliceOf, type Limit, type Refusal, type Terms, type WindowKind, type Windows } from './limits.ts';
import { limitsUnder, progressOf, untilReleased, type Progress, type Soft } from './soft-limit.ts';

export interface Lease {
  readonly day: string;
  readonly month: string;
  /** What the ledger has given and was not yet told is spent or returned. */
  amount: Amount;
  /** For calls in progress. */
  reserved: Amount;
  /** By calls that have ended, not reported yet. */
  spent: Amount;
  windows: Windows;
}

/** The lease from which calls are served at present. */
interface Present {
  readonly lease: Lease;
  readonly timeZone: string;
  /** When its day ends. */
  readonly until: number;
  readonly ends: Readonly<Record<WindowKind, number>>;
  /** The ledger's time less ours. */
  readonly offset: number;
}

export interface TimedRefusal extends Refusal {
  /** By the clock of the ledger, in milliseconds since 1970. */
  readonly renewsAt: number;
  readonly renewsInSeconds: number;
  /** Set where the budget itself has enough, but not for such calls at this moment. */
  readonly soft?: SoftRefusal;
}

export interface SoftRefusal {
  readonly percent: number;
  /** Until so much is released. Undefined where the rest is kept for cheaper calls. */
  readonly opensInSeconds: number | undefined;
}

interface Asking {
  readonly lease: Lease;
  readonly need: Amount;
  readonly now: number;
}

/** Milliseconds without a new call after which only some calls' worth is kept in hand, rather than a slice. */
export const idleAfter = 1_000;

/** Milliseconds without a new call after which nothing is; it is nothing as soon as somebody else asks. */
export const keptFor = 60_000;

/** Calls like the last one, of what each reserves: so who asks now and then need not wait, and a crash forfeits no more of it. */
const keptCalls = 8n;

/** Milliseconds for which a refusal needs no second opinion: a flood of calls on a spent budget is not passed on to the ledger. */
const fresh = 250;

/** What of a unit is left; undefined: not limited. */
export type Room = Readonly<Record<Unit, bigint | undefined>>;

/** In hand, and with what the ledger has besides. */
export interface Rooms {
  readonly lease: Lease;
  readonly inHand: Room;
  readonly total: Room;
}

export class AccountLease {
  readonly #account: string;
  readonly #keptFor: number;
  readonly #leases = new Map<string, Lease>();
  #present: Present | undefined;
  #terms: Terms | undefined;
  #replicas = 1;
  /** When the last call came that was served, or asked for. */
  #wantedAt = Number.NEGATIVE_INFINITY;
  /** What the last call reserved. */
  #lastCall = nothing;
  /** When somebody else last asked for what is idle here, perhaps under other limits than those of the last call. */
  #recalledAt = Number.NEGATIVE_INFINITY;
  /** When the ledger last said how the present windows stand. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Those of the last call before that. */
  #toldUnder: Terms | undefined;

  constructor(account: string, keptForMs = keptFor) {
    this.#account = account;
    this.#keptFor = keptForMs;
  }

  /** What the ledger counts as held here. */
  get held(): Amount {
    return [...this.#leases.values()].reduce((sum, { amount }) => plus(sum, amount), nothing);
  }

  get holdsAny(): boolean {
    return this.#leases.values().some(({ amount }) => !isNothing(amount));
  }

  /** Nothing of it would be missed. */
  isEmpty(now: number): boolean {
    return now - this.#wantedAt >= idleAfter && [...this.#leases.values()].every(isOver);
  }

  /** What could be reserved. Undefined: not known without asking the ledger. */
  rooms(terms: Terms, now: number): Rooms | undefined {
    const lease = this.#presentLease(terms, now);
    if (!lease || this.#isOutdated(terms, now)) return undefined;
    this.#terms = terms;
    return { lease, ...this.#room(lease, this.#limits(terms, now)) };
  }

  /** Reserves what there is room for. */
  reserve({ lease }: Rooms, amount: Amount, now: number): void {
    this.#wantedAt = now;
    this.#lastCall = amount;
    lease.reserved = plus(lease.reserved, amount);
  }

  /** Puts what was spent in the place of what was reserved. False: the lease is not held any more. */
  settle(lease: Lease, reserved: Amount, spent: Amount): boolean {
    lease.reserved = minus(lease.reserved, reserved);
    lease.spent = plus(lease.spent, spent);
    return this.#leases.get(keyOf(lease)) === lease;
  }

  /** How much to ask for, on behalf of calls that wait, the earliest first. Those that will not fit anyway are not asked for. */
  growth(waiting: readonly Ladder[], terms: Terms, now: number): Growth {
    this.#wantedAt = now;
    this.#terms = terms;
    const lease = this.#presentLease(terms, now);
    const { inHand, total } = lease ? this.#room(lease, this.#limits(terms, now)) : { inHand: nothing, total: nothing };
    const short = (amount: Amount) => each((unit) => (inHand[unit] === undefined ? 0n : larger(amount[unit] - inHand[unit], 0n)));
    const need = waiting.map(leastOf).reduce((least, cost) => each((unit) => smaller(least[unit], cost[unit])));
    let sum = nothing;
    for (const rungs of waiting) {
      const rung = bestRung(rungs, lessThan(total, sum));
      if (rung) sum = plus(sum, rung.cost);
    }
    const want = each((unit) => larger(short(sum)[unit], short(need)[unit]));
    const { timeZone, limits: wholes, soft } = terms;
    const limits = this.#limits(terms, now).map((limit, at) => (soft ? { ...limit, whole: wholes[at] } : limit));
    return { tenantUid: this.#account, timeZone, limits, need: short(need), want };
  }

  /** Why even the cheapest rung cannot be had, as the ledger last said; undefined where it can, or the ledger has to be asked first. */
  refusal(rungs: Ladder, terms: Terms, now: number): TimedRefusal | undefined {
    const lease = this.#presentLease(terms, now);
    if (!lease || !this.#present) return undefined;
    const { ends, offset } = this.#present;
    const inHand = minus(minus(lease.amount, lease.reserved), lease.spent);
    const need = leastOf(rungs);
    const short = shortage(this.#limits(terms, now), lease.windows, need, inHand);
    if (!short) return undefined;
    const whole = terms.soft && shortage(terms.limits, lease.windows, need, inHand);
    const found = whole?.spent && terms.soft?.rest === 'released' ? whole : short;
    const renewsAt = ends[found.window];
    const timed = { ...found, renewsAt, renewsInSeconds: seconds(renewsAt - now - offset) };
    return found === short && terms.soft ? { ...timed, ...this.#softly(found, terms.soft, terms, { lease, need, now }) } : timed;
  }

  /** What is merely reserved of what is released is a refusal like any other. */
  #softly({ spent }: Refusal, soft: Soft, terms: Terms, { lease, need, now }: Asking): { soft?: SoftRefusal } {
    const { percent, rest } = soft;
    if (rest === 'kept') return { soft: { percent, opensInSeconds: undefined } };
    const progress = this.#progress(terms, now);
    if (!spent || !progress) return {};
    const wait = untilReleased(terms.limits, soft, progress, (kind) => plus(lease.windows[kind].settled, need));
    return { soft: { percent, opensInSeconds: seconds(wait) } };
  }

  /** The ledger said so a moment ago that the budget is spent: asking again would change nothing. */
  isKnownSpent(refusal: TimedRefusal, now: number): boolean {
    return refusal.spent && now - this.#toldAt < fresh;
  }

  /** Takes out what was spent, which the ledger is told with the usage, and what is not to be kept in hand. */
  report(now: number, keep: 'all' | 'slice' | 'nothing'): (LeaseKey & Amount)[] {
    const returns: (LeaseKey & Amount)[] = [];
    for (const lease of this.#leases.values()) {
      const idle = minus(minus(lease.amount, lease.reserved), lease.spent);
      const back = keep === 'all' ? nothing : atLeastNothing(minus(idle, keep === 'slice' ? this.#slice(lease, now) : nothing));
      if (!isNothing(back)) returns.push({ tenantUid: this.#account, day: lease.day, month: lease.month, ...back });
      lease.amount = atLeastNothing(minus(minus(lease.amount, lease.spent), back));
      lease.spent = nothing;
    }
    return returns;
  }

  /**
   * What the ledger said to a message that was sent at `sentAt`, and in which it was asked about windows of this zone, if about any. `isRecalled`: it
   * tells of it because somebody else asks.
   */
  learn(said: LedgerState, sentAt: number, timeZone: string | undefined, isRecalled = false): void {
    const { leases, present, now: ledgerNow } = said;
    this.#replicas = said.replicas;
    if (isRecalled) this.#recalledAt = sentAt;
    this.#adopt(leases);
    for (const { ends, ...key } of present) {
      const lease = this.#leases.get(keyOf(key));
      if (!lease || timeZone === undefined) continue;
      const offset = ledgerNow - sentAt; // too much by the time that the message took: windows rather end too early
      this.#present = { lease, timeZone, until: ends.daily - offset, ends, offset };
    }
    const told = new Set(leases.map(keyOf));
    if (this.#present && told.has(keyOf(this.#present.lease))) {
      this.#toldAt = sentAt;
      this.#toldUnder = this.#terms;
    }
    for (const [key, lease] of this.#leases) if (isOver(lease) && lease !== this.#present?.lease) this.#leases.delete(key);
  }

  /** The ledger does not know this replica: what was held and used under its leases counts as spent there. */
  forget(): void {
    this.#leases.clear();
    this.#present = undefined;
  }

  /** What the ledger does not list is as it was. */
  #adopt(leases: LedgerState['leases']): void {
    for (const { day, month, amount, windows } of leases) {
      const known = this.#leases.get(keyOf({ day, month }));
      if (known) Object.assign(known, { amount, windows });
      else this.#leases.set(keyOf({ day, month }), { day, month, amount, windows, reserved: nothing, spent: nothing });
    }
  }

  /** As they are at this moment. */
  #limits(terms: Terms, now: number): readonly Limit[] {
    return terms.soft ? limitsUnder(terms.limits, terms.soft, this.#progress(terms, now)) : terms.limits;
  }

  #progress(terms: Terms, now: number): Record<WindowKind, Progress> | undefined {
    const lease = this.#presentLease(terms, now);
    if (!lease || !this.#present) return undefined;
    const { ends, offset } = this.#present;
    const of = (kind: WindowKind) => progressOf(kind, lease.month, ends[kind] - now - offset);
    return { daily: of('daily'), monthly: of('monthly') };
  }

  /** Where there are other limits than before, or were meanwhile, what others have used may leave less than is in hand. */
  #isOutdated({ limits, saidBy }: Terms, now: number): boolean {
    const before = this.#toldUnder;
    return now - this.#toldAt >= idleAfter && before !== undefined && (before.saidBy !== saidBy || !areEqual(before.limits, limits));
  }

  #presentLease({ timeZone }: Terms, now: number): Lease | undefined {
    const present = this.#present;
    return present && now < present.until && present.timeZone === timeZone ? present.lease : undefined;
  }

  /** Where a limit was lowered, less than nothing may be free, and then what is in hand is not ours alone. */
  #room({ amount, reserved, spent, windows }: Lease, limits: readonly Limit[]): { inHand: Room; total: Room } {
    const roomOf = (unit: Unit, withFree: (free: bigint) => bigint) => {
      const free = freeOf(limits, windows, unit);
      return free === undefined ? undefined : amount[unit] - reserved[unit] - spent[unit] + withFree(free);
    };
    const room = (withFree: (free: bigint) => bigint): Room => ({
      microUsd: roomOf('microUsd', withFree),
      tokens: roomOf('tokens', withFree),
    });
    return { inHand: room((free) => smaller(free, 0n)), total: room((free) => free) };
  }

  #slice(lease: Lease, now: number): Amount {
    const terms = this.#terms;
    const rested = now - this.#wantedAt;
    if (!terms || this.#presentLease(terms, now) !== lease) return nothing;
    const limits = this.#limits(terms, now);
    const slice = each((unit) => sliceOf(freeOf(limits, lease.windows, unit) ?? 0n, this.#replicas));
    if (rested < idleAfter) return slice;
    if (rested >= this.#keptFor || this.#recalledAt > this.#wantedAt) return nothing;
    return each((unit) => smaller(slice[unit], this.#lastCall[unit] * keptCalls));
  }
}

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
export const keyOf = ({ day, month }: { day: string; month: string }): string => `${day} ${month}`;
const isOver = ({ amount, reserved, spent }: Lease): boolean => [amount, reserved, spent].every(isNothing);
export const fits = (cost: Amount, room: Room): boolean => units.every((unit) => cost[unit] <= (room[unit] ?? cost[unit]));
export const bestRung = (rungs: Ladder, room: Room): Rung | undefined =>
  rungs.find(({ cost, headroom }) => fits(times(cost, headroom), room));
const lessThan = (room: Room, by: Amount): Room => ({
  microUsd: room.microUsd === undefined ? undefined : room.microUsd - by.microUsd,
  tokens: room.tokens === undefined ? undefined : room.tokens - by.tokens,
});
