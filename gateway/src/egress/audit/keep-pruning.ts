/** Removes records of the audit that are older than they have to be, so that chains do not grow for ever. How: sql/prune-chain.ts. */
import type { Logger } from '@cloister/telemetry';
import { z } from 'zod';
import { isAboutTheData } from '../budget/sql/sql-state.ts';
import type { Sql } from '../budget/sql/sql.ts';
import type { Owner } from './chain.ts';

/** Milliseconds. */
const interval = 3_600_000;
/** Records in one statement, which has seconds. */
const batch = 5_000;

export interface Pruning {
  readonly days: number;
  /** Hears of chains from which nothing can be removed, because somebody changed them. */
  readonly failed: (of: Owner, error: unknown) => void;
  /** Records in one statement. */
  readonly most?: number;
}

const owners = z.array(z.object({ tenantUid: z.string(), tenant: z.string() }));
const answer = z.tuple([z.object({ pruned: z.coerce.number() })]);

/** Resolves with how many records were removed, when nothing is left to be. Rejects where the database is away. */
export async function pruneAudit(sql: Sql, { days, failed, most = batch }: Pruning): Promise<number> {
  const due = `select c.tenant_uid as "tenantUid", c.tenant from cloister_egress.audit_chain c
    join cloister_egress.audit_record r on r.tenant_uid = c.tenant_uid and r.seq = c.pruned_seq + 1
    where r.stored_at < now() - make_interval(days => $1 + 1) and c.seq > c.pruned_seq + 1 order by c.tenant_uid`;
  let sum = 0;
  for (const owner of owners.parse(await sql.query(due, [days])))
    try {
      sum += await pruneChain(sql, owner, days, most);
    } catch (error) {
      if (!isAboutTheData(error)) throw error;
      failed(owner, error);
    }
  return sum;
}

async function pruneChain(sql: Sql, { tenantUid }: Owner, days: number, most: number): Promise<number> {
  const text = 'select cloister_egress.audit_prune_chain($1, $2, $3, $4) as pruned';
  for (let sum = 0; ;) {
    const [{ pruned }] = answer.parse(await sql.query(text, [tenantUid, days, most, new Date().toISOString()]));
    if (pruned === 0) return sum;
    sum += pruned;
  }
}

/** Prunes every hour, as long as it runs; never where `days` is 0. Returns how to stop. */
export function keepPruning(sql: Sql, days: number, log: Logger): () => void {
  if (days === 0) return () => undefined;
  const failed = ({ tenant, tenantUid }: Owner, error: unknown) =>
    log.error({ tenant, tenantUid, reason: reasonOf(error) }, 'old records of the audit of a tenant cannot be removed');
  const prune = async () => {
    try {
      const records = await pruneAudit(sql, { days, failed });
      if (records > 0) log.info({ records, days }, 'old records of the audit were removed');
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'old records of the audit cannot be removed at the moment');
    }
  };
  const timer = setInterval(() => void prune(), interval);
  return () => clearInterval(timer);
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');
