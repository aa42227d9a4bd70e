/**
 * Replicas of egress as they are in memory, in a world where everything happens that may: messages and answers get lost, processes die in
 * mid-call, clocks pass midnight, limits change. A token costs a micro-dollar, or nothing. The world keeps the truth: what providers really billed.
 */
import { expect } from 'vitest';
import { each, nothing, plus, smaller, type Amount } from './amount.ts';
import type { Ladder, Rung } from './ask.ts';
import { dayAt } from './calendar.fixture.ts';
import { accountsOf, priceOf, usedBy, windowsOf, type Flight, type Who } from './flight.fixture.ts';
import { silence } from './keep-expiring.ts';
import type { Ledger, Message } from './ledger.ts';
import type { LedgerModel } from './ledger-model.fixture.ts';
import { holderOf, tenantOf, type Holder, type Limit, type Link } from './limits.ts';
import { Replica } from './replica.ts';
import type { Soft } from './soft-limit.ts';
import type { Hold, Waiting } from './tenant-lease.ts';
import { Truth } from './truth.fixture.ts';

interface Member {
  replica: Replica;
  /** Cannot reach the ledger. */
  cut: boolean;
  flights: Flight[];
  /** In money, what the ledger last had given it. */
  held: bigint;
  /** Milliseconds that its clock is ahead of the ledger's. */
  ahead: number;
}

export type Fate = 'arrives' | 'is lost' | 'loses its answer' | 'is said twice';

export const of = (amount: bigint): Amount => each(() => amount);
export const ladderOf = (...amounts: readonly [number, ...number[]]): Ladder => {
  const [first, ...others] = amounts.map((amount): Rung => ({ outputTokens: amount, cost: of(BigInt(amount)), headroom: 1n }));
  if (!first) throw new Error('a ladder has at least one rung');
  return [first, ...others];
};

export class Fleet {
  readonly #ledger: Ledger;
  readonly #books: LedgerModel;
  readonly #members: Member[];
  readonly #limits = new Map<string, { readonly limits: readonly Limit[] }>();
  /** The latest first. */
  #said: { readonly message: Message; readonly at: number }[] = [];
  /** UTC where there is none. */
  readonly #zones = new Map<string, string>();
  /** Milliseconds that clocks have gone too fast or too slow, all together. */
  #drift = 0;
  readonly #truth = new Truth();
  /** What the ledger had given to those who died, or were silent for so long that it forgot them, in money. */
  #diedHolding = 0n;
  crashes = 0;
  #forgotten = 0;
  /** Calls that were refused, by whose budget it was. */
  readonly refusals: Record<Holder, number> = { tenant: 0, agent: 0, key: 0, user: 0 };
  #ids = 0;
  readonly #endForgotten: boolean;

  /**
   * `books` is where the state is looked up; `ledger` is what is spoken to. `endForgotten`: no call lasts for the week of silence after which its
   * replica is forgotten, so that all which is ever billed is told.
   */
  constructor(size: number, ledger: Ledger, books: LedgerModel, { endForgotten = false } = {}) {
    this.#ledger = ledger;
    this.#books = books;
    this.#endForgotten = endForgotten;
    this.#members = Array.from({ length: size }, () => ({ replica: this.#newReplica(), cut: false, flights: [], held: 0n, ahead: 0 }));
  }

  /** Of a tenant, or of one of its agents or callers. */
  limit(account: string, limits: readonly Limit[]): void {
    this.#limits.set(account, { limits });
    this.#truth.limit(account, limits, this.#books.now);
  }

  /** From now on, days and months of a tenant are those of this zone. */
  zone(tenant: string, timeZone: string): void {
    this.#zones.set(tenant, timeZone);
  }

  /** The clock of a replica goes faster than the ledger's for a while, or slower. */
  drift(which: number, ms: number): void {
    this.#member(which).ahead += ms;
    this.#drift += Math.abs(ms);
  }

  /** A call comes in, and may go as far into its budgets as `soft` says. True: it is served. */
  async call(which: number, who: Who, ladder: Ladder, fate: Fate = 'arrives', soft?: Soft): Promise<boolean> {
    const member = this.#member(which);
    const chain = this.#chain(who, soft);
    const hold = chain.length > 0 ? await this.#hold(member, who.tenant, { chain, ladder }, fate) : undefined;
    if (chain.length > 0 && !hold) return false;
    for (const { account, lease } of hold?.of ?? []) this.#truth.checkHold(this.#books, account, lease, this.#drift);
    const days = [this.#books.now, this.#books.now - this.#drift].map((now) => dayAt(now, this.#zoneOf(who.tenant)));
    if (hold) expect(days, 'a call is reserved on the present day').toContain(hold.day);
    member.flights.push({ who, hold, billed: 0n, beyond: 0n });
    return true;
  }

  /** Where what is in hand is not enough, the ledger is asked, as often as it has more. */
  async #hold(member: Member, tenant: string, { chain, ladder }: Pick<Waiting, 'chain' | 'ladder'>, fate: Fate): Promise<Hold | undefined> {
    let inVain: string | undefined;
    let hold = member.replica.of(tenant).reserve(ladder, chain, this.#nowOf(member));
    for (let turn = 0; !hold && turn < 4; turn++) {
      if (!(await this.#say(member, fate, new Map([[tenant, [{ chain, ladder, inVain }]]])))) return undefined;
      hold = member.replica.of(tenant).reserve(ladder, chain, this.#nowOf(member));
      const refusal = hold ? undefined : member.replica.of(tenant).refusal(ladder, chain, this.#nowOf(member));
      if (refusal && inVain === refusal.account) break;
      inVain = refusal?.account;
    }
    if (!hold && inVain !== undefined) this.refusals[holderOf(inVain).holder]++;
    return hold;
  }

  /** The provider bills; of what was reserved at most that. */
  stream(which: number, at: number, amount: bigint): void {
    const flight = this.#flight(which, at);
    if (flight?.hold) this.#bill(flight, amount);
  }

  settle(which: number, at: number): void {
    const member = this.#member(which);
    const flight = this.#flight(which, at);
    if (flight) this.#end(member, flight);
  }

  /** A provider that does not keep to its maximum. */
  overcharge(which: number, at: number, amount: bigint): void {
    const flight = this.#flight(which, at);
    if (!flight?.hold) return;
    this.#bill(flight, flight.hold.amount.tokens);
    flight.beyond += amount;
    this.#truth.bill(windowsOf(flight), 'beyond', priceOf(flight, amount));
  }

  async beat(which: number, fate: Fate): Promise<boolean> {
    const member = this.#member(which);
    return member.replica.hasToSpeak ? this.#say(member, fate) : true;
  }

  /** A statement that was thought lost reaches the ledger late, although its replica has said it again and gone on since, or died. */
  async echo(at: number): Promise<void> {
    const late = this.#said.filter((said) => this.#books.now - said.at < 5_000);
    const echoed = late[at % Math.max(late.length, 1)];
    if (echoed) await this.#ledger.exchange(echoed.message);
  }

  cut(which: number): void {
    const member = this.#member(which);
    member.cut = !member.cut;
  }

  /** All that it had in flight is billed in full by the providers. Another process takes its place. */
  crash(which: number): void {
    const member = this.#member(which);
    for (const flight of member.flights) if (flight.hold) this.#bill(flight, flight.hold.amount.tokens);
    this.#diedHolding += member.held;
    Object.assign(member, { replica: this.#newReplica(), cut: false, flights: [], held: 0n });
    this.crashes++;
  }

  async stop(which: number): Promise<void> {
    const member = this.#member(which);
    member.cut = false;
    for (const flight of [...member.flights]) this.#end(member, flight);
    for (let turn = 0; turn < 3 && member.replica.owesWord; turn++) await this.#say(member, 'arrives', new Map(), 'the end');
    expect(this.#books.heldBy(member.replica.id)).toEqual([]);
    Object.assign(member, { replica: this.#newReplica(), held: 0n });
  }

  /** What the silent hold counts as spent. Who was silent for a week is forgotten: it never gets that back. */
  async expire(): Promise<void> {
    await this.#ledger.expireSilent(silence);
    for (const member of this.#members) {
      if (this.#books.moneyOf(member.replica.id) === member.held) continue;
      this.#forgotten++;
      this.#diedHolding += member.held;
      member.held = 0n;
    }
  }

  /** The storm is over: all can be reached and stop in order; the dead expire. */
  async end(passTime: () => Promise<void>): Promise<void> {
    for (const which of this.#members.keys()) await this.stop(which);
    await passTime();
    await this.expire();
    this.check();
    const forfeited = this.#truth.checkAtRest(this.#books, { nobodyDied: this.crashes + this.#forgotten === 0 });
    expect(forfeited <= this.#diedHolding, 'a crash forfeits what its process held').toBe(true);
  }

  /** What must hold at any moment. */
  check(): void {
    this.#truth.check(this.#books);
  }

  /**
   * Once what was interrupted is said again, and all replicas have had two heartbeats since, one of them is called. Gives what the budgets had
   * left outside of calls in progress, in the one with the least, if it was refused. The leases of those who died count as gone.
   */
  async refusedWith(who: Who, need: number): Promise<bigint | undefined> {
    for (const which of [0, 1, 2].flatMap(() => [...this.#members.keys()])) {
      this.#member(which).cut = false;
      await this.beat(which, 'arrives');
    }
    if (await this.call(0, who, ladderOf(need))) return undefined;
    const day = dayAt(this.#books.now, this.#zoneOf(who.tenant));
    const left = this.#chain(who).flatMap(({ account, terms }) => {
      const windows = {
        daily: this.#books.windowOf(account, 'daily', day),
        monthly: this.#books.windowOf(account, 'monthly', `${day.slice(0, 7)}-01`),
      };
      return terms.limits.map(({ kind, microUsd = 0n }) => {
        const { settled, reserved, overrun } = windows[kind];
        return microUsd - settled.microUsd - reserved.microUsd - overrun.microUsd + this.#idle(account, day);
      });
    });
    return left.reduce((least, amount) => (amount < least ? amount : least));
  }

  /** Money in hand for a day, over all who live. */
  #idle(account: string, day: string): bigint {
    let idle = 0n;
    for (const { replica, flights } of this.#members) {
      for (const lease of this.#books.heldBy(replica.id))
        if (lease.tenantUid === account && lease.day === day) idle += lease.amount.microUsd;
      for (const { hold } of flights)
        if (hold?.day === day && hold.of.some((part) => part.account === account)) idle -= hold.amount.microUsd;
    }
    return idle;
  }

  async #say(
    member: Member,
    fate: Fate,
    waiting: ReadonlyMap<string, readonly Waiting[]> = new Map(),
    about: Parameters<Replica['message']>[1] = waiting.size > 0 ? 'those who wait' : 'all',
  ): Promise<boolean> {
    const { replica } = member;
    const message = replica.message(this.#nowOf(member), about, waiting);
    if (member.cut || fate === 'is lost') return false;
    this.#said = [{ message, at: this.#books.now }, ...this.#said.slice(0, 9)];
    const answer = await this.#ledger.exchange(message);
    if (answer === 'forgotten') this.#forgotten++;
    if (answer === 'forgotten' && this.#endForgotten) member.flights = [];
    member.held = this.#books.moneyOf(replica.id);
    if (fate === 'loses its answer') return false;
    if (fate === 'is said twice') await this.#ledger.exchange(message);
    replica.heard(message, answer, this.#nowOf(member), this.#nowOf(member));
    if (answer !== 'forgotten') this.#compareHands(replica);
    return true;
  }

  /** Of what an answer does not list, the replica knows without being told. */
  #compareHands(replica: Replica): void {
    const inBooks = Map.groupBy(this.#books.heldBy(replica.id), ({ tenantUid }) => tenantOf(tenantUid));
    for (const [tenant, leases] of inBooks)
      expect(replica.of(tenant).held, 'replica and ledger agree on what is held').toEqual(
        leases.reduce((sum, { amount }) => plus(sum, amount), nothing),
      );
    expect(replica.leases, 'replica and ledger agree on whose is held').toBe(inBooks.size);
  }

  #end(member: Member, flight: Flight): void {
    member.flights = member.flights.filter((other) => other !== flight);
    const { who, hold } = flight;
    const call = { model: 'p/m', timeZone: this.#zoneOf(who.tenant), ...who };
    if (hold || flight.billed + flight.beyond > 0n) member.replica.of(who.tenant).settle(hold, call, usedBy(flight));
  }

  #bill(flight: Flight, amount: bigint): void {
    const charge = smaller(amount, (flight.hold?.amount.tokens ?? 0n) - flight.billed);
    flight.billed += charge;
    this.#truth.bill(windowsOf(flight), 'within', priceOf(flight, charge));
  }

  #chain = (who: Who, soft?: Soft): Link[] =>
    accountsOf(who)
      .map((account) => {
        const saidBy = this.#limits.get(account);
        return { account, terms: { timeZone: this.#zoneOf(who.tenant), limits: saidBy?.limits ?? [], soft, saidBy } };
      })
      .filter(({ terms }) => terms.limits.length > 0);
  #zoneOf = (tenant: string): string => this.#zones.get(tenant) ?? 'UTC';
  #nowOf = ({ ahead }: Member): number => this.#books.now + ahead;
  #newReplica = (): Replica => new Replica(() => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, '0')}`);

  #member(which: number): Member {
    const member = this.#members[which % this.#members.length];
    if (!member) throw new Error('no replica');
    return member;
  }

  #flight(which: number, at: number): Flight | undefined {
    const { flights } = this.#member(which);
    return flights[at % Math.max(flights.length, 1)];
  }
}
