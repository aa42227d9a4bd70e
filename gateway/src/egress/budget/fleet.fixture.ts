/**
 * Replicas of egress as they are in memory, in a world where everything happens that may: messages and answers get lost, processes die in
 * mid-call, clocks pass midnight, limits change. A token costs a micro-dollar. The world keeps the truth: what providers really billed.
 */
import { expect } from 'vitest';
import { each, minus, nothing, plus, units, type Amount } from './amount.ts';
import type { Ladder, Rung } from './ask.ts';
import { silence } from './keep-expiring.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerModel } from './ledger-model.fixture.ts';
import { agentAccount, agentOf, type Limit, type Link } from './limits.ts';
import { Replica } from './replica.ts';
import type { Hold, Waiting } from './tenant-lease.ts';

interface Flight {
  readonly tenant: string;
  readonly agent: string;
  readonly hold: Hold | undefined;
  /** Truly billed so far. */
  billed: bigint;
  beyond: bigint;
}

interface Member {
  replica: Replica;
  /** Cannot reach the ledger. */
  cut: boolean;
  flights: Flight[];
  /** In money, what the ledger last had given it. */
  held: bigint;
}

export type Fate = 'arrives' | 'is lost' | 'loses its answer' | 'is said twice';

export const of = (amount: bigint): Amount => each(() => amount);
export const ladderOf = (...amounts: readonly [number, ...number[]]): Ladder => {
  const [first, ...others] = amounts.map((amount): Rung => ({ outputTokens: amount, cost: of(BigInt(amount)), headroom: 1n }));
  if (!first) throw new Error('a ladder has at least one rung');
  return [first, ...others];
};
const call = { tenant: 't', model: 'p/m', timeZone: 'UTC' };

export class Fleet {
  readonly #ledger: Ledger;
  readonly #books: LedgerModel;
  readonly #members: Member[];
  readonly #limits = new Map<string, readonly Limit[]>();
  /** The highest limit that a budget ever had; undefined: it was once without. By account, kind, unit. */
  readonly #highest = new Map<string, bigint | undefined>();
  readonly #onceUnlimited = new Set<string>();
  /** Truly billed, within reservations and beyond, by account, kind and first day. */
  readonly #truth = new Map<string, { within: bigint; beyond: bigint }>();
  /** What the ledger had given to those who died, or were silent for so long that it forgot them, in money. */
  #diedHolding = 0n;
  crashes = 0;
  #forgotten = 0;
  /** Calls that were refused, by whose budget it was: a tenant's or one of its agents'. */
  readonly refusals = { tenants: 0, agents: 0 };
  #ids = 0;

  /** `books` is where the state is looked up; `ledger` is what is spoken to. */
  constructor(size: number, ledger: Ledger, books: LedgerModel) {
    this.#ledger = ledger;
    this.#books = books;
    this.#members = Array.from({ length: size }, () => ({ replica: this.#newReplica(), cut: false, flights: [], held: 0n }));
  }

  /** Of a tenant, or of one of its agents. */
  limit(tenant: string, limits: readonly Limit[]): void {
    this.#limits.set(tenant, limits);
    if (limits.every(({ microUsd }) => microUsd === undefined)) this.#onceUnlimited.add(tenant);
    for (const kind of ['daily', 'monthly'] as const)
      for (const unit of units) {
        const key = `${tenant} ${kind} ${unit}`;
        const now = limits.find((limit) => limit.kind === kind)?.[unit];
        const before = this.#highest.has(key) ? this.#highest.get(key) : 0n;
        this.#highest.set(key, now === undefined || before === undefined ? undefined : now > before ? now : before);
      }
  }

  /** A call comes in; what is in hand is not enough: the ledger is asked, as often as it has more. */
  async call(which: number, tenant: string, agent: string, ladder: Ladder, fate: Fate = 'arrives'): Promise<boolean> {
    const member = this.#member(which);
    const chain = this.#chain(tenant, agent);
    let hold: Hold | undefined;
    if (chain.length > 0) {
      let inVain: string | undefined;
      hold = member.replica.of(tenant).reserve(ladder, chain, this.#books.now);
      for (let turn = 0; !hold && turn < 4; turn++) {
        const waiting = new Map([[tenant, [{ chain, ladder, inVain }]]]);
        if (!(await this.#say(member, fate, waiting))) return false;
        hold = member.replica.of(tenant).reserve(ladder, chain, this.#books.now);
        const refusal = hold ? undefined : member.replica.of(tenant).refusal(ladder, chain, this.#books.now);
        if (refusal && inVain === refusal.account) break;
        inVain = refusal?.account;
      }
      if (hold) expect(hold.day, 'a call is reserved on the present day').toBe(new Date(this.#books.now).toISOString().slice(0, 10));
      else if (inVain !== undefined) this.refusals[agentOf(inVain) === undefined ? 'tenants' : 'agents']++;
      if (!hold) return false;
    }
    member.flights.push({ tenant, agent, hold, billed: 0n, beyond: 0n });
    return true;
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
    this.#bill(flight, flight.hold.amount.microUsd);
    flight.beyond += amount;
    for (const key of this.#windows(flight)) this.#truthOf(key).beyond += amount;
  }

  async beat(which: number, fate: Fate): Promise<boolean> {
    const member = this.#member(which);
    return member.replica.hasToSpeak ? this.#say(member, fate) : true;
  }

  cut(which: number): void {
    const member = this.#member(which);
    member.cut = !member.cut;
  }

  /** All that it had in flight is billed in full by the providers. Another process takes its place. */
  crash(which: number): void {
    const member = this.#member(which);
    for (const flight of member.flights) if (flight.hold) this.#bill(flight, flight.hold.amount.microUsd);
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
    let [settled, forfeited, within, beyond] = [0n, 0n, 0n, 0n];
    for (const [key, window] of this.#books.windows) {
      expect(window.reserved).toEqual(nothing);
      if (!this.#countsInFull(key)) continue;
      settled += window.settled.microUsd + window.overrun.microUsd;
      forfeited += window.forfeited.microUsd;
    }
    for (const [key, truth] of this.#truth) {
      if (!this.#countsInFull(key)) continue;
      within += truth.within;
      beyond += truth.beyond;
    }
    if (this.crashes + this.#forgotten === 0) expect([settled, forfeited]).toEqual([within + beyond, 0n]);
    else {
      expect(settled >= within, 'what the dead spent is counted').toBe(true);
      expect(forfeited <= this.#diedHolding, 'a crash forfeits what its process held').toBe(true);
    }
  }

  /** Daily windows of tenants whose money was limited all the time: without a limit nothing is leased, and what a crash loses is not billed. */
  #countsInFull(key: string): boolean {
    const [tenant = '', kind = ''] = key.split(' ');
    return kind === 'daily' && !this.#onceUnlimited.has(tenant);
  }

  /** What must hold at any moment, of the windows of tenants and of agents alike. */
  check(): void {
    for (const [key, { settled, reserved, overrun, forfeited }] of this.#books.windows) {
      const [tenant = '', kind = '', start = ''] = key.split(' ');
      const { within } = this.#truthOf(key);
      for (const unit of units) {
        const highest = this.#highest.get(`${tenant} ${kind} ${unit}`);
        if (highest === undefined) continue;
        expect(within <= highest, 'spent ≤ limit').toBe(true);
        expect(settled[unit] + reserved[unit] <= highest, 'settled + leased ≤ limit').toBe(true);
        expect(settled[unit] + reserved[unit] >= within, 'nothing is spent that the ledger does not count').toBe(true);
      }
      if (kind === 'daily') {
        const used = this.#books.usage.get(`${tenant} ${start}`) ?? nothing;
        expect(minus(plus(settled, overrun), forfeited), 'sums of usage').toEqual(used);
      }
      const leased = [...this.#books.leases.values()]
        .filter((lease) => lease.tenantUid === tenant && lease[kind === 'daily' ? 'day' : 'month'] === start)
        .filter((lease) => this.#books.replicas.get(lease.replica)?.expired === false)
        .reduce((sum, { amount }) => plus(sum, amount), nothing);
      expect(reserved, 'reserved is what is leased').toEqual(leased);
    }
  }

  /**
   * After all replicas that can be reached had two heartbeats, one of them is called. Gives what the budgets had left outside of calls in
   * progress, in the one with the least, if it was refused. The leases of those who died count as gone.
   */
  async refusedWith(tenant: string, agent: string, need: number): Promise<bigint | undefined> {
    for (const which of [...this.#members.keys(), ...this.#members.keys()]) {
      this.#member(which).cut = false;
      await this.beat(which, 'arrives');
    }
    if (await this.call(0, tenant, agent, ladderOf(need))) return undefined;
    const day = new Date(this.#books.now).toISOString().slice(0, 10);
    const left = this.#chain(tenant, agent).flatMap(({ account, terms }) => {
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
    const message = replica.message(this.#books.now, about, waiting);
    if (member.cut || fate === 'is lost') return false;
    const answer = await this.#ledger.exchange(message);
    if (answer === 'forgotten') this.#forgotten++;
    member.held = this.#books.moneyOf(replica.id);
    if (fate === 'loses its answer') return false;
    if (fate === 'is said twice') await this.#ledger.exchange(message);
    replica.heard(message, answer, this.#books.now, this.#books.now);
    return true;
  }

  #end(member: Member, flight: Flight): void {
    member.flights = member.flights.filter((other) => other !== flight);
    const amount = flight.billed + flight.beyond;
    const used = { inputTokens: 0, outputTokens: Number(amount), microUsd: amount };
    if (flight.hold || amount > 0n) member.replica.of(flight.tenant).settle(flight.hold, { ...call, agent: flight.agent }, used);
  }

  #bill(flight: Flight, amount: bigint): void {
    const left = (flight.hold?.amount.microUsd ?? 0n) - flight.billed;
    const charge = amount < left ? amount : left;
    flight.billed += charge;
    for (const key of this.#windows(flight)) this.#truthOf(key).within += charge;
  }

  #windows({ tenant, agent, hold }: Flight): string[] {
    const accounts = agent === '' ? [tenant] : [tenant, agentAccount(tenant, agent)];
    return hold ? accounts.flatMap((account) => [`${account} daily ${hold.day}`, `${account} monthly ${hold.month}`]) : [];
  }

  #truthOf(key: string): { within: bigint; beyond: bigint } {
    return this.#truth.getOrInsertComputed(key, () => ({ within: 0n, beyond: 0n }));
  }

  #chain = (tenant: string, agent: string): Link[] =>
    [tenant, agentAccount(tenant, agent)]
      .map((account) => ({ account, terms: { timeZone: 'UTC', limits: this.#limits.get(account) ?? [] } }))
      .filter(({ terms }) => terms.limits.length > 0);
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
