/** Removes records of the audit that are older than they have to be, so that chains do not grow for ever. How: sql/administration.ts. */
import type { Logger } from '@cloister/telemetry';
import { z } from 'zod';
import type { Sql } from '../budget/sql/sql.ts';

/** Milliseconds. */
const interval = 3_600_000;
/** Records in one statement, which has seconds. */
const batch = 5_000;

const answer = z.tuple([z.object({ pruned: z.coerce.number() })]);

/** Resolves with how many records were removed, when nothing is left to be. */
export async function pruneAudit(sql: Sql, days: number, most = batch): Promise<number> {
  const text = 'select cloister_egress.audit_prune($1, $2, $3) as pruned';
  for (let sum = 0; ;) {
    const [{ pruned }] = answer.parse(await sql.query(text, [days, most, new Date().toISOString()]));
    if (pruned === 0) return sum;
    sum += pruned;
  }
}

/** Prunes every hour, as long as it runs; never where `days` is 0. Returns how to stop. */
export function keepPruning(sql: Sql, days: number, log: Logger): () => void {
  if (days === 0) return () => undefined;
  const prune = async () => {
    try {
      const records = await pruneAudit(sql, days);
      if (records > 0) log.info({ records, days }, 'old records of the audit were removed');
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'old records of the audit cannot be removed at the moment');
    }
  };
  const timer = setInterval(() => void prune(), interval);
  return () => clearInterval(timer);
}
