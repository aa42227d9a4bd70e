/** The ledger's rules in plain code, with a clock to be set. What sql/leases does must be the same. */
import type { Room } from './account-lease.ts';
import { atLeastNothing, each, isNothing, minus, nothing, plus, smaller, larger, units, type Amount, type Unit } from './amount.ts';
import { endOf, presentAt } from './calendar.fixture.ts';
import type { Answer, Forfeit, Growth, Ledger, LeaseKey, Message, Usage } from './ledger.ts';
import { agentAccount, callerAccount, freeOf, sliceOf, type WindowKind, type Windows } from './limits.ts';

export interface WindowState {
  settled: Amount;
  reserved: Amount;
  overrun: Amount;
  forfeited: Amount;
  /** Under which it was last asked for more, of each unit. */
  limit: Room;
}

interface LeaseState extends LeaseKey {
  readonly replica: string;
  amount: Amount;
  /** Its holder is told of it at its next message. */
  recalled: boolean;
}

interface ReplicaState {
  number: number;
  seenAt: number;
  /** Undefined: it is not. */
  expiredAt: number | undefined;
}

const second = 1_000;
/** Of the first day in the key of a window. */
const startLength = '2026-11-22'.length;
const week = 7 * 86_400 * second;

export class LedgerModel implements Ledger {
  now: number;
  /** By tenant, kind and first day. */
  readonly windows = new Map<string, WindowState>();
  readonly leases = new Map<string, LeaseState>();
  readonly replicas = new Map<string, ReplicaState>();
  /** What was billed, by account and day. */
  readonly usage = new Map<string, Amount>();

  constructor(now: number) {
    this.now = now;
  }

  windowOf(tenantUid: string, kind: WindowKind, startsOn: string): WindowState {
    const key = `${tenantUid} ${kind} ${startsOn}`;
    const window = this.windows.get(key) ?? this.#opened(key);
    this.windows.set(key, window);
    return window;
  }

  /** In one that is opened after the next nobody has asked: it pays like those that nobody opens. */
  #opened(key: string): WindowState {
    const others = [...this.windows.keys()].filter((other) => other.startsWith(key.slice(0, -startLength))).sort();
    const before = others.findLast((other) => other < key);
    const limit = before !== undefined && others.some((other) => other > key) ? this.windows.get(before)?.limit : undefined;
    return { settled: nothing, reserved: nothing, overrun: nothing, forfeited: nothing, limit: limit ?? unlimited };
  }

  /** With what a window begins: what earlier ones have not paid of their overruns. Those that nobody has opened pay as much as the limit before them. */
  debtOf(key: string): Amount {
    const series = key.slice(0, -startLength);
    const earlier = [...this.windows.keys()].filter((other) => other.startsWith(series) && other < key).sort();
    return earlier.reduce((debt, at, place) => {
      const { settled, overrun, limit } = this.windows.get(at) ?? this.#opened(at);
      const skipped = windowsBetween(at, earlier[place + 1] ?? key);
      return each((unit) => {
        const allowed = limit[unit];
        if (allowed === undefined) return debt[unit];
        return larger(debt[unit] + overrun[unit] - larger(allowed - settled[unit], 0n) - skipped * allowed, 0n);
      });
    }, nothing);
  }

  /** What a replica holds, over all tenants. */
  heldBy(replica: string): LeaseState[] {
    return [...this.leases.values()].filter((lease) => lease.replica === replica);
  }

  moneyOf(replica: string): bigint {
    return this.heldBy(replica).reduce((sum, { amount }) => sum + amount.microUsd, 0n);
  }

  async exchange(message: Message): Promise<Answer> {
    const { replica: id, number } = message;
    if (number === 1 && !this.replicas.has(id)) this.replicas.set(id, { number: 0, seenAt: this.now, expiredAt: undefined });
    const replica = this.replicas.get(id);
    if (!replica || replica.number < number - 1) return 'forgotten';
    const isNew = replica.number === number - 1;
    this.#open(isNew ? message : { ...message, usage: [], returns: [] });
    if (replica.expiredAt !== undefined) this.#countAsSpent(id, -1n);
    const replicas = [...this.replicas].filter(([other, { expiredAt }]) => other !== id && expiredAt === undefined).length + 1;
    if (isNew) this.#hear(message, replicas);
    else for (const ask of message.asks) this.#keepLimits(this.#placeOf(ask), ask, 'where there is none');
    const expiredAt = message.leaving && this.heldBy(id).length === 0 ? this.now : undefined;
    this.replicas.set(id, { number: Math.max(replica.number, number), seenAt: this.now, expiredAt });
    return Promise.resolve(this.#state(message, replicas));
  }

  async expireSilent(seconds: number): Promise<Forfeit[]> {
    const gone = [...this.replicas].filter(([, { expiredAt, seenAt }]) => expiredAt === undefined && seenAt < this.now - seconds * second);
    for (const [id, replica] of gone) {
      this.#countAsSpent(id, 1n);
      replica.expiredAt = this.now;
    }
    for (const [id, { expiredAt }] of this.replicas) {
      if (expiredAt === undefined || expiredAt >= this.now - week) continue;
      this.replicas.delete(id);
      for (const [key, lease] of this.leases) if (lease.replica === id) this.leases.delete(key);
    }
    return Promise.resolve([]);
  }

  #hear(message: Message, replicas: number): void {
    this.#take(message);
    for (const ask of message.asks) this.#grow(message.replica, ask, replicas);
    for (const [key, { amount, replica: owner }] of this.leases)
      if (owner === message.replica && isNothing(amount)) this.leases.delete(key);
  }

  /** All windows that a message names, the earliest first. */
  #open({ usage, returns, asks }: Message): void {
    const used = usage.flatMap((line) =>
      accountsOf(line).map(([tenantUid]) => ({
        tenantUid,
        day: line.day ?? presentAt(this.now, line.timeZone).day,
        month: line.month ?? presentAt(this.now, line.timeZone).month,
      })),
    );
    const places: LeaseKey[] = [...used, ...returns, ...asks.map((ask) => this.#placeOf(ask))];
    for (const { tenantUid, day, month } of places.toSorted((one, other) => (one.day < other.day ? -1 : 1))) {
      this.windowOf(tenantUid, 'daily', day);
      this.windowOf(tenantUid, 'monthly', month);
    }
  }

  #take({ replica, usage, returns }: Message): void {
    for (const used of usage) for (const [account, isLeased] of accountsOf(used)) this.#bill(replica, used, account, isLeased);
    for (const { microUsd, tokens, ...key } of returns) this.#free(replica, key, { microUsd, tokens });
  }

  #bill(replica: string, { day, month, ...used }: Usage, tenantUid: string, leased: boolean): void {
    const key = { tenantUid, ...(day !== null && month !== null ? { day, month } : presentAt(this.now, used.timeZone)) };
    const total = { microUsd: used.microUsd, tokens: BigInt(used.inputTokens + used.outputTokens) };
    const overrun = { microUsd: used.overrunMicroUsd, tokens: used.overrunTokens };
    const settled = minus(total, overrun);
    this.#move(key, { settled, overrun });
    if (leased) this.#free(replica, key, settled);
    const billed = `${tenantUid} ${key.day}`;
    this.usage.set(billed, plus(this.usage.get(billed) ?? nothing, total));
  }

  #free(replica: string, key: LeaseKey, amount: Amount): void {
    const lease = this.leases.get(leaseKey(replica, key));
    if (!lease) return;
    const left = atLeastNothing(minus(lease.amount, amount));
    this.#move(key, { reserved: minus(left, lease.amount) });
    lease.amount = left;
    lease.recalled = false;
  }

  #grow(replica: string, ask: Growth, replicas: number): void {
    const key = this.#placeOf(ask);
    this.#keepLimits(key, ask);
    this.#give(replica, key, ask, replicas);
    const left = each((unit) => freeOf(ask.limits, this.#standing(key), unit) ?? -1n);
    for (const lease of this.leases.values()) {
      if (lease.replica === replica || lease.tenantUid !== key.tenantUid || (lease.day !== key.day && lease.month !== key.month)) continue;
      const isLarge = (unit: Unit) =>
        ask.limits.some((limit) => limit[unit] !== undefined) && lease.amount[unit] > sliceOf(left[unit], replicas);
      if (units.some(isLarge)) lease.recalled = true;
    }
  }

  /** One that an ask does not name stays. */
  #keepLimits({ tenantUid, day, month }: LeaseKey, { limits }: Growth, which: 'all' | 'where there is none' = 'all'): void {
    for (const { kind, whole, ...said } of limits) {
      const window = this.windowOf(tenantUid, kind, kind === 'daily' ? day : month);
      const [asked, kept] = [whole ?? said, window.limit];
      const [first, second] = which === 'all' ? [asked, kept] : [kept, asked];
      window.limit = { microUsd: first.microUsd ?? second.microUsd, tokens: first.tokens ?? second.tokens };
    }
  }

  #give(replica: string, key: LeaseKey, { limits, need, want }: Growth, replicas: number): void {
    const windows = this.#standing(key);
    const free = { microUsd: freeOf(limits, windows, 'microUsd'), tokens: freeOf(limits, windows, 'tokens') };
    if (units.some((unit) => (free[unit] ?? need[unit]) < need[unit])) return;
    const grant = each((unit) => {
      const left = free[unit];
      return left === undefined || want[unit] <= 0n ? 0n : smaller(left, larger(want[unit], sliceOf(left, replicas)));
    });
    if (isNothing(grant)) return;
    const lease = this.leases.get(leaseKey(replica, key)) ?? { ...key, replica, amount: nothing, recalled: false };
    this.leases.set(leaseKey(replica, key), lease);
    lease.amount = plus(lease.amount, grant);
    lease.recalled = false;
    this.#move(key, { reserved: grant });
  }

  #countAsSpent(replica: string, sign: bigint): void {
    for (const { amount, ...key } of this.heldBy(replica)) {
      const moved = each((unit) => sign * amount[unit]);
      this.#move(key, { settled: moved, forfeited: moved, reserved: minus(nothing, moved) });
    }
  }

  #move({ tenantUid, day, month }: LeaseKey, changes: Partial<Omit<WindowState, 'limit'>>): void {
    for (const window of [this.windowOf(tenantUid, 'daily', day), this.windowOf(tenantUid, 'monthly', month)]) {
      for (const name of ['settled', 'reserved', 'overrun', 'forfeited'] as const)
        window[name] = plus(window[name], changes[name] ?? nothing);
    }
  }

  #standing({ tenantUid, day, month }: LeaseKey): Windows {
    const of = (kind: WindowKind, startsOn: string) => {
      const { settled, overrun, reserved } = this.windowOf(tenantUid, kind, startsOn);
      return { settled: plus(plus(settled, overrun), this.debtOf(`${tenantUid} ${kind} ${startsOn}`)), reserved };
    };
    return { daily: of('daily', day), monthly: of('monthly', month) };
  }

  #placeOf({ tenantUid, timeZone }: Growth): LeaseKey {
    return { tenantUid, ...presentAt(this.now, timeZone) };
  }

  #state({ replica, asks, usage, returns }: Message, replicas: number): Answer {
    const asked = asks.map((ask) => this.#placeOf(ask));
    const recalled = this.heldBy(replica).filter((lease) => lease.recalled || asks.some(({ tenantUid }) => tenantUid === lease.tenantUid));
    const touched = [...asked, ...usage.flatMap(leasedIn), ...returns, ...recalled];
    const places = new Map(
      touched.map(({ tenantUid, day, month }) => [leaseKey(replica, { tenantUid, day, month }), { tenantUid, day, month }]),
    );
    const leases = [...places].map(([at, place]) => ({ ...place, amount: this.leases.get(at)?.amount ?? nothing }));
    return {
      now: this.now,
      replicas,
      leases: leases.map((lease) => ({ ...lease, windows: this.#standing(lease) })),
      present: asks.map((ask) => {
        const key = this.#placeOf(ask);
        return { ...key, ends: { daily: endOf('daily', key.day, ask.timeZone), monthly: endOf('monthly', key.month, ask.timeZone) } };
      }),
    };
  }
}

const unlimited: Room = { microUsd: undefined, tokens: undefined };

/** Days, or months, that lie between two windows of one account. */
export function windowsBetween(one: string, other: string): bigint {
  const [from, to] = [new Date(one.slice(-startLength)), new Date(other.slice(-startLength))];
  const days = (to.getTime() - from.getTime()) / (86_400 * second);
  const months = 12 * (to.getUTCFullYear() - from.getUTCFullYear()) + to.getUTCMonth() - from.getUTCMonth();
  return BigInt((one.includes(' daily ') ? days : months) - 1);
}

const leaseKey = (replica: string, { tenantUid, day, month }: LeaseKey): string => `${replica} ${tenantUid} ${day} ${month}`;

/** The leases out of which it was used. */
function leasedIn({ day, month, ...used }: Usage): LeaseKey[] {
  if (day === null || month === null) return [];
  return accountsOf(used).flatMap(([account, isLeased]) => (isLeased ? [{ tenantUid: account, day, month }] : []));
}

/** In which it counts, and whether it was leased from them. */
const accountsOf = ({
  tenantUid,
  agent,
  caller,
  ...used
}: Pick<Usage, 'tenantUid' | 'agent' | 'caller' | 'tenantLeased' | 'agentLeased' | 'callerLeased'>) => [
  [tenantUid, used.tenantLeased] as const,
  ...(agent === '' ? [] : [[agentAccount(tenantUid, agent), used.agentLeased] as const]),
  ...(caller === '' ? [] : [[callerAccount(tenantUid, caller), used.callerLeased] as const]),
];
