/** The ledger of budgets, as it is in Postgres. */
import pg from 'pg';
import { z } from 'zod';
import type { World } from './world.ts';

const columns = ['settled', 'reserved', 'overrun', 'forfeited'] as const;
const standing = z.object({ settled: z.int(), reserved: z.int(), overrun: z.int(), forfeited: z.int() });
/** In micro-dollars, of the day. */
export type Standing = z.infer<typeof standing>;

export interface Ledger extends AsyncDisposable {
  /** Of a tenant by its UID, or of one of its callers: `<UID>/key:<id>`. */
  standing(account: string): Promise<Standing>;
  /** What the lines of the tenant's usage sum up to, in micro-dollars. */
  usage(uid: string): Promise<number>;
}

export async function openLedger({ cluster }: World): Promise<Ledger> {
  const { host, port, user, password, database } = cluster.postgres;
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  const sums = columns.map((name) => `coalesce(sum(${name}_micro_usd), 0)::int as ${name}`).join();
  const windows = `select ${sums} from cloister_egress.budget_window where tenant_uid = $1 and kind = 'daily'`;
  const lines = `select coalesce(sum(micro_usd), 0)::int as sum from cloister_egress.usage where tenant_uid = $1`;
  return {
    standing: async (account) => standing.parse((await client.query(windows, [account])).rows[0]),
    usage: async (uid) => z.object({ sum: z.int() }).parse((await client.query(lines, [uid])).rows[0]).sum,
    [Symbol.asyncDispose]: () => client.end(),
  };
}
