import type { Amount } from './amount.ts';
import type { Usage } from './ledger.ts';
import type { Reported } from './used.ts';

/** Whose call it is, as usage is kept. */
export interface Billed {
  readonly tenant: string;
  readonly agent: string;
  /** The API key or the user on whose behalf, as edge names it; empty where nobody was vouched for. */
  readonly caller: string;
  readonly model: string;
  readonly timeZone: string;
}

export interface Cost extends Reported {
  readonly microUsd: bigint;
}

/** Under which leases something was used, and in which windows; in none where it was under none. */
type Under = Pick<Usage, 'day' | 'month' | 'tenantLeased' | 'agentLeased' | 'callerLeased'>;

/** Lines that name a caller: of one tenant, and of all tenants together. The ledger takes a message of as many in a fraction of its time. */
export const mostCallerLines = { ofTenant: 1_000, inAll: 4_000 };

/** Shared by all sheets that travel in one message. */
export interface CallerLines {
  count: number;
}

const blank = {
  ...{ requests: 0, inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 },
  ...{ microUsd: 0n, overrunTokens: 0n, overrunMicroUsd: 0n },
};

/**
 * What calls of a tenant used, by windows, leases, model, agent and caller, until it is reported. Its size depends on how many of
 * these there are, and not on the number of calls. While the ledger is away that might be all users that a tenant has, and it would never be
 * back for who has too much to tell; so from {@link mostCallerLines} on what is used on behalf of further callers without a limit is the
 * tenant's and the agent's alone.
 */
export class UsageSheet {
  readonly #lines = new Map<string, Omit<Usage, 'tenantUid'>>();
  readonly #ofAll: CallerLines;
  #callerLines = 0;

  constructor(ofAll: CallerLines = { count: 0 }) {
    this.#ofAll = ofAll;
  }

  /** Calls on it. */
  get requests(): number {
    return [...this.#lines.values()].reduce((sum, { requests }) => sum + requests, 0);
  }

  add(under: Under, call: Billed, used: Cost, overrun: Amount): void {
    const isNewCaller = call.caller !== '' && !this.#lines.has(keyOf(under, call));
    const { tenant, agent, caller, model, timeZone } = isNewCaller && !under.callerLeased && this.#isFull ? { ...call, caller: '' } : call;
    if (isNewCaller && caller !== '') this.#count(1);
    const key = keyOf(under, { agent, caller, model });
    const line = this.#lines.get(key) ?? blank;
    this.#lines.set(key, {
      ...{ tenant, timeZone, ...under, model, agent, caller },
      requests: line.requests + 1,
      inputTokens: line.inputTokens + used.inputTokens,
      outputTokens: line.outputTokens + used.outputTokens,
      cachedTokens: line.cachedTokens + (used.cachedTokens ?? 0),
      cacheWriteTokens: line.cacheWriteTokens + (used.cacheWriteTokens ?? 0),
      reasoningTokens: line.reasoningTokens + (used.reasoningTokens ?? 0),
      microUsd: line.microUsd + used.microUsd,
      overrunTokens: line.overrunTokens + overrun.tokens,
      overrunMicroUsd: line.overrunMicroUsd + overrun.microUsd,
    });
  }

  take(tenantUid: string): Usage[] {
    const lines = [...this.#lines.values()].map((line) => ({ tenantUid, ...line }));
    this.#lines.clear();
    this.#count(-this.#callerLines);
    return lines;
  }

  /** Forgets what was used under a lease. */
  dropLeased(): void {
    for (const [key, { day, caller }] of this.#lines) {
      if (day === null) continue;
      this.#lines.delete(key);
      if (caller !== '') this.#count(-1);
    }
  }

  get #isFull(): boolean {
    return this.#callerLines >= mostCallerLines.ofTenant || this.#ofAll.count >= mostCallerLines.inAll;
  }

  #count(more: number): void {
    this.#callerLines += more;
    this.#ofAll.count += more;
  }
}

const keyOf = (
  { day, month, tenantLeased, agentLeased, callerLeased }: Under,
  { model, agent, caller }: Pick<Billed, 'model' | 'agent' | 'caller'>,
): string => JSON.stringify([day, month, tenantLeased, agentLeased, callerLeased, model, agent, caller]);
