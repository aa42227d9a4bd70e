/** The limits of a tenant, its agents and its callers, and how far their windows are from them. */
import type { BudgetWindows, TenantPolicy } from '@cloister/tenancy';
import { larger, smaller, units, type Amount, type Unit } from './amount.ts';
import { limitOf } from './money.ts';
import type { Soft } from './soft-limit.ts';

export type WindowKind = 'daily' | 'monthly';

/** Undefined: not limited. */
export interface Limit {
  readonly kind: WindowKind;
  readonly microUsd: bigint | undefined;
  readonly tokens: bigint | undefined;
}

/** What is spent under one budget, in days and months of this zone. */
export interface Terms {
  readonly timeZone: string;
  readonly limits: readonly Limit[];
  /** Where calls may not have all of it at once. */
  readonly soft?: Soft | undefined;
  /** What has said so: between two, others may have held, although these say the same. Compared by identity. */
  readonly saidBy?: object | undefined;
}

/** One of the budgets under which a call is reserved: in all of them or in none. */
export interface Link {
  /** As the ledger names it: see `agentAccount` and `callerAccount`. */
  readonly account: string;
  readonly terms: Terms;
}

/** The limits of a tenant, and those of the agent that calls and of the API key or user on whose behalf, where they have some of their own. */
export type Limits = Omit<TenantPolicy['budget'], 'perUser' | 'onExceeded'> & {
  readonly ofAgent?: BudgetWindows | undefined;
  readonly ofCaller?: BudgetWindows | undefined;
  /** Of each of these budgets. */
  readonly soft?: Soft | undefined;
  /** What they stand in, another object whenever any of them has changed. */
  readonly saidBy?: object | undefined;
};

/** Who spends of a tenant's budget: the name of its agent, and the caller as edge names it. Empty where there is none. */
export interface Spender {
  readonly agent: string;
  readonly caller: string;
}

/** By which name the ledger keeps what an agent uses, beside its tenant's account, whose name is the tenant's UID. */
export const agentAccount = (tenantUid: string, agent: string): string => `${tenantUid}/${agent}`;

/** The same for what is used on behalf of an API key or a user. Their names hold a colon, and those of agents do not. */
export const callerAccount = agentAccount;

export type Holder = 'tenant' | 'agent' | 'key' | 'user';

/** Whose account it is, and the name of the agent, or the id of the key. */
export function holderOf(account: string): { readonly holder: Holder; readonly name: string } {
  const [, name = ''] = account.split('/', 2);
  const [, kind, id] = /^(key|user):(.*)$/.exec(name) ?? [];
  if (id !== undefined) return { holder: kind === 'key' ? 'key' : 'user', name: id };
  return { holder: name === '' ? 'tenant' : 'agent', name };
}

/** Whose account it is, or whose agent's or caller's. */
export const tenantOf = (account: string): string => account.split('/', 1)[0] ?? account;

/** The budgets that bind a call; none where nothing is limited. */
export function chainOf(tenantUid: string, { agent, caller }: Spender, { ofAgent, ofCaller, soft, saidBy, ...own }: Limits): Link[] {
  const links = [{ account: tenantUid, terms: termsOf(own) }];
  const { timeZone } = own;
  if (ofAgent && agent !== '') links.push({ account: agentAccount(tenantUid, agent), terms: termsOf({ timeZone, ...ofAgent }) });
  if (ofCaller && caller !== '') links.push({ account: callerAccount(tenantUid, caller), terms: termsOf({ timeZone, ...ofCaller }) });
  const bound = links.filter(({ terms }) => terms.limits.length > 0);
  return bound.map(({ account, terms }) => ({ account, terms: { ...terms, ...(soft && { soft }), ...(saidBy && { saidBy }) } }));
}

export const areEqual = (some: readonly Limit[], others: readonly Limit[]): boolean =>
  some === others ||
  (some.length === others.length &&
    some.every(({ kind, microUsd, tokens }, at) => {
      const other = others[at];
      return kind === other?.kind && microUsd === other.microUsd && tokens === other.tokens;
    }));

/** A window as the ledger has it, over all replicas. */
export interface Standing {
  /** Billed, with what providers billed beyond their reservations, and what is owed from windows before. */
  readonly settled: Amount;
  /** Held by replicas, for calls in progress or in hand. */
  readonly reserved: Amount;
}
export type Windows = Readonly<Record<WindowKind, Standing>>;

export function termsOf({ timeZone, daily, monthly }: BudgetWindows & { readonly timeZone: string }): Terms {
  const limit = (kind: WindowKind, window: typeof daily): Limit[] =>
    window === undefined || (window.usd === undefined && window.tokens === undefined)
      ? []
      : [
          {
            kind,
            microUsd: window.usd === undefined ? undefined : limitOf(window.usd),
            tokens: window.tokens === undefined ? undefined : BigInt(window.tokens),
          },
        ];
  return { timeZone, limits: [...limit('daily', daily), ...limit('monthly', monthly)] };
}

/** What the ledger could still give, in the window where that is least. Below zero where a limit was lowered; undefined: not limited. */
export function freeOf(limits: readonly Limit[], windows: Windows, unit: Unit): bigint | undefined {
  let least: bigint | undefined;
  for (const limit of limits) {
    const allowed = limit[unit];
    if (allowed === undefined) continue;
    const { settled, reserved } = windows[limit.kind];
    const free = allowed - settled[unit] - reserved[unit];
    least = least === undefined ? free : smaller(least, free);
  }
  return least;
}

export interface Refusal {
  readonly window: WindowKind;
  readonly unit: 'money' | 'tokens';
  /** False: the budget is not spent, but the rest of it is reserved for calls in progress. */
  readonly spent: boolean;
}

/**
 * Why `need` more than is in hand cannot be had; undefined where it can. Of several reasons the window that is spent rather than merely
 * reserved, then the month, which renews last.
 */
export function shortage(limits: readonly Limit[], windows: Windows, need: Amount, inHand: Amount): Refusal | undefined {
  const found: Refusal[] = [];
  for (const limit of limits) {
    const { settled, reserved } = windows[limit.kind];
    for (const unit of units) {
      const allowed = limit[unit];
      if (allowed === undefined || settled[unit] + reserved[unit] + need[unit] - inHand[unit] <= allowed) continue;
      found.push({ window: limit.kind, unit: unit === 'tokens' ? 'tokens' : 'money', spent: settled[unit] + need[unit] > allowed });
    }
  }
  const weight = ({ spent, window }: Refusal) => (spent ? 2 : 0) + (window === 'monthly' ? 1 : 0);
  return found.sort((one, other) => weight(other) - weight(one))[0];
}

/** A replica takes this from the ledger at a time, and keeps no more than this in hand: the less is left, the smaller. */
export const sliceOf = (free: bigint, replicas: number): bigint => larger(free, 0n) / BigInt(4 * replicas);
