/**
 * There is no end to the users of a tenant, so what each of them used is forgotten in time; what the tenant, its agents and its API keys used
 * stays. No window that anybody could still spend from is as old.
 */
import type { Logger } from '@cloister/telemetry';
import { z } from 'zod';
import type { Sql } from './sql/sql.ts';

/** Days for which a user's part of the usage can be read. */
export const rememberedDays = 92;

/** Milliseconds. */
const interval = 3_600_000;
/** Rows in one statement, which has seconds. */
const batch = 10_000;

const answer = z.tuple([z.object({ forgotten: z.coerce.number() })]);

/** Resolves when nothing is left to be forgotten. */
export async function forgetUsers(sql: Sql, most = batch): Promise<void> {
  let forgotten: number;
  do {
    [{ forgotten }] = answer.parse(await sql.query('select cloister_egress.forget_users($1, $2) as forgotten', [rememberedDays, most]));
  } while (forgotten >= most);
}

/** Forgets every hour, as long as it runs. Returns how to stop. */
export function keepForgetting(sql: Sql, log: Logger): () => void {
  const forget = () =>
    forgetUsers(sql).catch((error: unknown) => {
      log.warn(
        { reason: error instanceof Error ? error.message : 'unknown' },
        'what users used long ago cannot be forgotten at the moment',
      );
    });
  const timer = setInterval(() => void forget(), interval);
  return () => clearInterval(timer);
}
