/** Calls in progress and what they truly cost. A token costs a micro-dollar, or nothing. */
import type { Amount } from './amount.ts';
import { agentAccount, callerAccount, type Spender } from './limits.ts';
import type { Cost } from './usage-sheet.ts';
import type { Hold } from './tenant-lease.ts';

/** Who calls; agent and caller are empty where there is none. */
export interface Who extends Spender {
  readonly tenant: string;
}

export interface Flight {
  readonly who: Who;
  readonly hold: Hold | undefined;
  /** Truly billed so far, in tokens. */
  billed: bigint;
  beyond: bigint;
}

export const priceOf = ({ hold }: Flight, tokens: bigint): Amount => ({ microUsd: hold?.amount.microUsd === 0n ? 0n : tokens, tokens });

export function usedBy(flight: Flight): Cost {
  const amount = flight.billed + flight.beyond;
  return { inputTokens: 0, outputTokens: Number(amount), microUsd: priceOf(flight, amount).microUsd };
}

export const accountsOf = ({ tenant, agent, caller }: Who): string[] => [
  tenant,
  ...(agent === '' ? [] : [agentAccount(tenant, agent)]),
  ...(caller === '' ? [] : [callerAccount(tenant, caller)]),
];

/** The windows that it bills to. */
export const windowsOf = ({ who, hold }: Flight): string[] =>
  hold ? accountsOf(who).flatMap((account) => [`${account} daily ${hold.day}`, `${account} monthly ${hold.month}`]) : [];
