/** What providers really billed, which limits budgets had, and what of that the ledger must know: of tenants and of agents alike. */
import { expect } from 'vitest';
import { idleAfter, type Lease } from './account-lease.ts';
import { isNothing, minus, nothing, plus, units, type Amount } from './amount.ts';
import { checkDebts, mustHold } from './debt-truth.fixture.ts';
import type { LedgerModel } from './ledger-model.fixture.ts';
import type { Limit } from './limits.ts';

/** Of one window: within reservations, and beyond. */
interface Billed {
  within: Amount;
  beyond: Amount;
}

const unused = { settled: nothing, overrun: nothing, forfeited: nothing };

export class Truth {
  /** By account, kind and first day. */
  readonly #billed = new Map<string, Billed>();
  /** The highest limit that a budget ever had; undefined: it was once without. By account, kind, unit. */
  readonly #highest = new Map<string, bigint | undefined>();
  readonly #onceUnlimited = new Set<string>();
  readonly #present = new Map<string, { readonly limits: readonly Limit[]; readonly since: number }>();

  limit(account: string, limits: readonly Limit[], now: number): void {
    this.#present.set(account, { limits, since: now });
    if (limits.every(({ microUsd }) => microUsd === undefined)) this.#onceUnlimited.add(account);
    for (const kind of ['daily', 'monthly'] as const)
      for (const unit of units) {
        const key = `${account} ${kind} ${unit}`;
        const now = limits.find((limit) => limit.kind === kind)?.[unit];
        const before = this.#highest.has(key) ? this.#highest.get(key) : 0n;
        this.#highest.set(key, now === undefined || before === undefined ? undefined : now > before ? now : before);
      }
  }

  /** In the windows with these keys. */
  bill(keys: readonly string[], how: keyof Billed, amount: Amount): void {
    for (const billed of keys.map((key) => this.#of(key))) billed[how] = plus(billed[how], amount);
  }

  /** What must hold at any moment. */
  check(books: LedgerModel): void {
    for (const [key, { settled, reserved, overrun, forfeited }] of books.windows) {
      const [account = '', kind = '', start = ''] = key.split(' ');
      const { within } = this.#of(key);
      for (const unit of units) {
        const highest = this.#highest.get(`${account} ${kind} ${unit}`);
        if (highest === undefined) continue;
        mustHold('spent ≤ limit', within[unit] <= highest);
        mustHold('settled + leased ≤ limit', settled[unit] + reserved[unit] <= highest);
        mustHold('nothing is spent that the ledger does not count', settled[unit] + reserved[unit] >= within[unit]);
      }
      if (kind === 'daily') {
        const used = books.usage.get(`${account} ${start}`) ?? nothing;
        mustHold('sums of usage', isNothing(minus(minus(plus(settled, overrun), forfeited), used)));
      }
      const leased = [...books.leases.values()]
        .filter((lease) => lease.tenantUid === account && lease[kind === 'daily' ? 'day' : 'month'] === start)
        .filter((lease) => books.replicas.has(lease.replica) && books.replicas.get(lease.replica)?.expiredAt === undefined)
        .reduce((sum, { amount }) => plus(sum, amount), nothing);
      mustHold('reserved is what is leased', isNothing(minus(reserved, leased)));
    }
    checkDebts(books, (account, kind, unit) => this.#highest.get(`${account} ${kind} ${unit}`));
  }

  /**
   * What must hold when a call was reserved: under limits that have been in force for as long as a replica may go without asking, nothing is
   * served of what it has beyond them. The ledger counts no more since then, but for overruns. `drift`: milliseconds by which clocks may differ.
   */
  checkHold(books: LedgerModel, account: string, { day, month, ...lease }: Lease, drift: number): void {
    const { limits, since } = this.#present.get(account) ?? { limits: [], since: books.now };
    if (books.now - since < idleAfter + drift) return;
    for (const unit of units)
      for (const { kind, [unit]: limit } of limits) {
        if (limit === undefined || this.#highest.get(`${account} ${kind} ${unit}`) === undefined) continue;
        const { settled, forfeited, reserved } = books.windowOf(account, kind, kind === 'daily' ? day : month);
        const beyond = settled[unit] - forfeited[unit] + reserved[unit] - limit;
        const left = lease.amount[unit] - lease.reserved[unit] - lease.spent[unit];
        expect(left >= 0n && left >= beyond, 'under a lowered limit, what is in hand is not all its own').toBe(true);
      }
  }

  /** What must hold once nobody holds anything any more. Gives what was forfeited, in money, over all days. */
  checkAtRest(books: LedgerModel, { nobodyDied }: { readonly nobodyDied: boolean }): bigint {
    for (const { reserved } of books.windows.values()) expect(reserved).toEqual(nothing);
    let lost = 0n;
    for (const key of new Set([...books.windows.keys(), ...this.#billed.keys()])) {
      if (!this.#countsInFull(key)) continue;
      const { settled, overrun, forfeited } = books.windows.get(key) ?? unused;
      const counted = settled.microUsd + overrun.microUsd;
      const { within, beyond } = this.#of(key);
      expect(counted >= within.microUsd, 'what the dead spent is counted').toBe(true);
      if (nobodyDied) expect([counted, forfeited.microUsd], 'to the micro-dollar').toEqual([within.microUsd + beyond.microUsd, 0n]);
      lost += forfeited.microUsd;
    }
    return lost;
  }

  #of(key: string): Billed {
    return this.#billed.getOrInsertComputed(key, () => ({ within: nothing, beyond: nothing }));
  }

  /** Daily windows of budgets whose money was limited all the time: without a limit nothing is leased, and what a crash loses is not billed. */
  #countsInFull(key: string): boolean {
    const [account = '', kind = ''] = key.split(' ');
    return kind === 'daily' && !this.#onceUnlimited.has(account);
  }
}
