/** Usage is in the ledger, which egress keeps: edge has no way to Postgres, and asks. Who asks edge it has checked itself. */
import { readSecretFile } from '@cloister/settings';
import { budgetHeader, type BudgetWindows, type TenantPolicy } from '@cloister/tenancy';
import { fail } from '../errors.ts';

/** An answer as it is to be passed on: usage, or why the question was of no use. Both are JSON. */
export interface UsageAnswer {
  readonly status: 200 | 400;
  readonly body: string;
}

export interface UsageQuestion {
  /** As the caller sent it. */
  readonly query: string;
  /** Of the API key that it is about, if it is about one: egress does not know what keys may spend. */
  readonly ofKey: BudgetWindows | undefined;
}

/** Rejects with `usage_unavailable`. */
export type AskUsage = (of: TenantPolicy, question: UsageQuestion, gone: AbortSignal) => Promise<UsageAnswer>;

/** Milliseconds: more than egress gives its database. */
const patience = 10_000;

/** The token is read for each question, since the kubelet renews it; nobody asks so often that this would matter. */
export const askEgress =
  (egressURL: string, tokenFile: string): AskUsage =>
  async ({ tenant, uid }, { query, ofKey }, gone) => {
    try {
      const token = readSecretFile('EGRESS_TOKEN_FILE', tokenFile);
      const answer = await fetch(`${egressURL}/internal/tenants/${tenant}/${uid}/usage${query}`, {
        headers: { authorization: `Bearer ${token}`, ...(ofKey && { [budgetHeader]: JSON.stringify(ofKey) }) },
        redirect: 'error',
        signal: AbortSignal.any([gone, AbortSignal.timeout(patience)]),
      });
      const body = await answer.text();
      if (answer.status === 200 || answer.status === 400) return { status: answer.status, body };
      throw new Error(`egress answered ${answer.status}`);
    } catch (cause) {
      throw fail('usage_unavailable', { retryAfterSeconds: 5, cause });
    }
  };
