import type { Amount } from './amount.ts';
import type { Usage } from './ledger.ts';

/** Whose call it is, as usage is kept. */
export interface Billed {
  readonly tenant: string;
  readonly agent: string;
  readonly model: string;
  readonly timeZone: string;
}

export interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly microUsd: bigint;
}

/** Under which leases something was used, and in which windows; in none where it was under none. */
type Under = Pick<Usage, 'day' | 'month' | 'tenantLeased' | 'agentLeased'>;

const blank = { requests: 0, inputTokens: 0, outputTokens: 0, microUsd: 0n, overrunTokens: 0n, overrunMicroUsd: 0n };

/** What calls of a tenant used, by windows, leases, model and agent, until it is reported. Its size does not depend on the number of calls. */
export class UsageSheet {
  readonly #lines = new Map<string, Omit<Usage, 'tenantUid'>>();

  /** Calls on it. */
  get requests(): number {
    return [...this.#lines.values()].reduce((sum, { requests }) => sum + requests, 0);
  }

  add(under: Under, { tenant, agent, model, timeZone }: Billed, used: Used, overrun: Amount): void {
    const key = JSON.stringify([under.day, under.month, under.tenantLeased, under.agentLeased, model, agent]);
    const line = this.#lines.get(key) ?? blank;
    this.#lines.set(key, {
      ...{ tenant, timeZone, ...under, model, agent },
      requests: line.requests + 1,
      inputTokens: line.inputTokens + used.inputTokens,
      outputTokens: line.outputTokens + used.outputTokens,
      microUsd: line.microUsd + used.microUsd,
      overrunTokens: line.overrunTokens + overrun.tokens,
      overrunMicroUsd: line.overrunMicroUsd + overrun.microUsd,
    });
  }

  take(tenantUid: string): Usage[] {
    const lines = [...this.#lines.values()].map((line) => ({ tenantUid, ...line }));
    this.#lines.clear();
    return lines;
  }

  /** Forgets what was used under a lease. */
  dropLeased(): void {
    for (const [key, { day }] of this.#lines) if (day !== null) this.#lines.delete(key);
  }
}
