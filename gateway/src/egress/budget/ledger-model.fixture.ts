/** The ledger's rules in plain code, with a clock to be set; days are UTC. What sql/leases does must be the same. */
import { atLeastNothing, each, isNothing, minus, nothing, plus, smaller, larger, units, type Amount } from './amount.ts';
import type { Answer, Forfeit, Growth, Ledger, LeaseKey, Message, Usage } from './ledger.ts';
import { agentAccount, callerAccount, freeOf, sliceOf, type WindowKind, type Windows } from './limits.ts';

export interface WindowState {
  settled: Amount;
  reserved: Amount;
  overrun: Amount;
  forfeited: Amount;
}

interface LeaseState extends LeaseKey {
  readonly replica: string;
  amount: Amount;
}

interface ReplicaState {
  number: number;
  seenAt: number;
  expired: boolean;
}

const second = 1_000;
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
    const window = this.windows.get(key) ?? { settled: nothing, reserved: nothing, overrun: nothing, forfeited: nothing };
    this.windows.set(key, window);
    return window;
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
    if (number === 1 && !this.replicas.has(id)) this.replicas.set(id, { number: 0, seenAt: this.now, expired: false });
    const replica = this.replicas.get(id);
    if (!replica || replica.number < number - 1) return 'forgotten';
    if (replica.expired) this.#countAsSpent(id, -1n);
    const replicas = [...this.replicas].filter(([other, { expired }]) => other !== id && !expired).length + 1;
    if (replica.number === number - 1) {
      this.#take(message);
      for (const ask of message.asks) this.#grow(id, ask, replicas);
      for (const [key, { amount, replica: owner }] of this.leases) if (owner === id && isNothing(amount)) this.leases.delete(key);
    }
    const expired = message.leaving && this.heldBy(id).length === 0;
    this.replicas.set(id, { number: Math.max(replica.number, number), seenAt: this.now, expired });
    return Promise.resolve(this.#state(message, replicas));
  }

  async expireSilent(seconds: number): Promise<Forfeit[]> {
    const gone = [...this.replicas].filter(([, { expired, seenAt }]) => !expired && seenAt < this.now - seconds * second);
    for (const [id, replica] of gone) {
      this.#countAsSpent(id, 1n);
      replica.expired = true;
    }
    for (const [id, { expired, seenAt }] of this.replicas) {
      if (!expired || seenAt >= this.now - week) continue;
      this.replicas.delete(id);
      for (const [key, lease] of this.leases) if (lease.replica === id) this.leases.delete(key);
    }
    return Promise.resolve([]);
  }

  #take({ replica, usage, returns }: Message): void {
    for (const used of usage) {
      this.#bill(replica, used, used.tenantUid, used.tenantLeased);
      if (used.agent !== '') this.#bill(replica, used, agentAccount(used.tenantUid, used.agent), used.agentLeased);
      if (used.caller !== '') this.#bill(replica, used, callerAccount(used.tenantUid, used.caller), used.callerLeased);
    }
    for (const { microUsd, tokens, ...key } of returns) this.#free(replica, key, { microUsd, tokens });
  }

  #bill(replica: string, { day, month, ...used }: Usage, tenantUid: string, leased: boolean): void {
    const key = { tenantUid, ...(day !== null && month !== null ? { day, month } : this.#present()) };
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
  }

  #grow(replica: string, { tenantUid, limits, need, want }: Growth, replicas: number): void {
    const key = { tenantUid, ...this.#present() };
    const windows = this.#standing(key);
    const free = { microUsd: freeOf(limits, windows, 'microUsd'), tokens: freeOf(limits, windows, 'tokens') };
    if (units.some((unit) => (free[unit] ?? need[unit]) < need[unit])) return;
    const grant = each((unit) => {
      const left = free[unit];
      return left === undefined || want[unit] <= 0n ? 0n : smaller(left, larger(want[unit], sliceOf(left, replicas)));
    });
    const lease = this.leases.get(leaseKey(replica, key)) ?? { ...key, replica, amount: nothing };
    this.leases.set(leaseKey(replica, key), lease);
    lease.amount = plus(lease.amount, grant);
    this.#move(key, { reserved: grant });
  }

  #countAsSpent(replica: string, sign: bigint): void {
    for (const { amount, ...key } of this.heldBy(replica)) {
      const moved = each((unit) => sign * amount[unit]);
      this.#move(key, { settled: moved, forfeited: moved, reserved: minus(nothing, moved) });
    }
  }

  #move({ tenantUid, day, month }: LeaseKey, changes: Partial<WindowState>): void {
    for (const window of [this.windowOf(tenantUid, 'daily', day), this.windowOf(tenantUid, 'monthly', month)]) {
      for (const name of ['settled', 'reserved', 'overrun', 'forfeited'] as const)
        window[name] = plus(window[name], changes[name] ?? nothing);
    }
  }

  #standing({ tenantUid, day, month }: LeaseKey): Windows {
    const of = ({ settled, overrun, reserved }: WindowState) => ({ settled: plus(settled, overrun), reserved });
    return { daily: of(this.windowOf(tenantUid, 'daily', day)), monthly: of(this.windowOf(tenantUid, 'monthly', month)) };
  }

  #present(): { day: string; month: string } {
    const day = new Date(this.now).toISOString().slice(0, 10);
    return { day, month: `${day.slice(0, 7)}-01` };
  }

  #state({ replica, asks }: Message, replicas: number): Answer {
    const asked = asks.map(({ tenantUid }) => ({ tenantUid, ...this.#present() }));
    const held = this.heldBy(replica).map(({ tenantUid, day, month, amount }) => ({ tenantUid, day, month, amount }));
    const empty = asked.filter((key) => !this.leases.has(leaseKey(replica, key))).map((key) => ({ ...key, amount: nothing }));
    const next = (at: string, days: number, months: number) => {
      const date = new Date(at);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, date.getUTCDate() + days);
    };
    return {
      now: this.now,
      replicas,
      leases: [...held, ...empty].map((lease) => ({ ...lease, windows: this.#standing(lease) })),
      present: asked.map((key) => ({ ...key, ends: { daily: next(key.day, 1, 0), monthly: next(key.month, 0, 1) } })),
    };
  }
}

const leaseKey = (replica: string, { tenantUid, day, month }: LeaseKey): string => `${replica} ${tenantUid} ${day} ${month}`;
