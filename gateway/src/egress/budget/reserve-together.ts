import type { Answer, Ask, Budgeted, Ledger } from './ledger.ts';

const mostAtOnce = 100;

interface Waiting {
  readonly ask: Ask;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reserves what comes while a tenant's last reservations are on their way in one transaction. A call that comes alone waits for nobody;
 * of a thousand at once each waits for a few transactions, where one by one they would queue for the lock on the tenant's windows.
 */
export function together(ledger: Ledger): (tenant: Budgeted, ask: Ask) => Promise<Answer> {
  const queues = new Map<string, Waiting[]>();
  return (tenant, ask) => {
    const key = keyOf(tenant);
    const queue = queues.get(key);
    return new Promise((resolve, reject) => {
      const waiting = { ask, resolve, reject };
      if (queue) queue.push(waiting);
      else void serve(key, tenant, waiting);
    });
  };

  /** Never rejects: each of those who wait is told. */
  async function serve(key: string, tenant: Budgeted, first: Waiting): Promise<void> {
    const queue = [first];
    queues.set(key, queue);
    while (queue.length > 0) {
      const batch = queue.splice(0, mostAtOnce);
      try {
        const answers = await ledger.reserve(
          tenant,
          batch.map(({ ask }) => ask),
        );
        for (const [position, { resolve, reject }] of batch.entries()) {
          const answer = answers[position];
          if (answer) resolve(answer);
          else reject(new Error('the ledger did not answer every call'));
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    queues.delete(key);
  }
}

/** Limits are part of it: one that was changed a moment ago must not be applied to calls that came under another. */
const keyOf = ({ tenantUid, timeZone, limits }: Budgeted): string =>
  JSON.stringify([tenantUid, timeZone, limits.map(({ kind, microUsd, tokens }) => [kind, String(microUsd), tokens])]);
