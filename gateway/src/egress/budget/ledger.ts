/** The durable side of the budget, as the rest of egress sees it. Rules and guarantees: sql/leases. */
import { z } from 'zod';
import type { Amount } from './amount.ts';
import type { Limit } from './limits.ts';
import type { Sql } from './sql/sql.ts';

/** The budget that a lease is of, and its windows, by the days on which they began in the tenant's time zone. */
export interface LeaseKey {
  /** Of a tenant's own budget, its UID; of an agent's, `agentAccount`; of an API key's or a user's, `callerAccount`. */
  readonly tenantUid: string;
  readonly day: string;
  readonly month: string;
}

/** What calls used, summed by windows, leases, model, agent and caller. */
export interface Usage {
  readonly tenantUid: string;
  readonly tenant: string;
  readonly timeZone: string;
  /** Null where it was used without a lease: it belongs to the windows in which the ledger hears of it. */
  readonly day: string | null;
  readonly month: string | null;
  /** Out of the lease of the tenant's own budget. */
  readonly tenantLeased: boolean;
  /** Out of the lease of the agent's. */
  readonly agentLeased: boolean;
  /** Out of the lease of the caller's. */
  readonly callerLeased: boolean;
  readonly model: string;
  readonly agent: string;
  readonly caller: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Part of the input, and of the output, as far as providers told. */
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly microUsd: bigint;
  /** What of it was billed beyond the reservations. */
  readonly overrunTokens: bigint;
  readonly overrunMicroUsd: bigint;
}

/** Beyond which nothing is to be given. */
export interface AskedLimit extends Limit {
  /** The limit itself, where it is a share of that: what is billed beyond it is owed. */
  readonly whole?: Limit | undefined;
}

/** Wants its lease to grow by this, or by a slice if that is more; by less than it needs is of no use to it. */
export interface Growth {
  /** As in a lease's key. */
  readonly tenantUid: string;
  readonly timeZone: string;
  readonly limits: readonly AskedLimit[];
  readonly need: Amount;
  readonly want: Amount;
}

export interface Message {
  /** Random, of one process. */
  readonly replica: string;
  /** From 1, without a gap. Each number is taken once, however often it is said. */
  readonly number: number;
  /** The last. */
  readonly leaving: boolean;
  readonly usage: readonly Usage[];
  /** Given back, out of leases. */
  readonly returns: readonly (LeaseKey & Amount)[];
  readonly asks: readonly Growth[];
}

/** As converse.ts puts it. */
const lease = z
  .tuple([z.string(), z.string(), z.string()])
  .rest(z.coerce.bigint())
  .transform(([tenantUid, day, month, ...amounts]) => {
    const at = (place: number): Amount => ({ microUsd: amounts[place] ?? 0n, tokens: amounts[place + 1] ?? 0n });
    const windows = { daily: { settled: at(2), reserved: at(4) }, monthly: { settled: at(6), reserved: at(8) } };
    return { tenantUid, day, month, amount: at(0), windows };
  });
const key = { tenantUid: z.string(), day: z.string(), month: z.string() };
/** Times are milliseconds since 1970 by the clock of the ledger. */
const state = z.object({
  now: z.number(),
  /** Those that hold leases or asked just now. */
  replicas: z.number().positive(),
  /**
   * Those of this replica that the message was about, which are empty where nothing is left or was given, and those that are recalled: somebody
   * asks for what may be idle in them. All others are as the replica has them.
   */
  leases: z.array(lease),
  /** In which windows those who asked are at present. */
  present: z.array(z.object({ ...key, ends: z.object({ daily: z.number(), monthly: z.number() }) })),
});
export type LedgerState = z.infer<typeof state>;
export type Answer = LedgerState | 'forgotten';

export interface Forfeit {
  readonly replica: string;
  readonly leases: number;
  readonly microUsd: bigint;
  readonly tokens: bigint;
}

export interface Ledger {
  /**
   * One transaction. Rejects when the database cannot say; the message may have been taken all the same, so it must be said again.
   * `forgotten`: the ledger does not know what this replica told it before (a week of silence, a database restored from a copy).
   */
  exchange(message: Message): Promise<Answer>;
  /** Counts the leases of replicas that were silent for so many seconds as spent. */
  expireSilent(seconds: number): Promise<readonly Forfeit[]>;
}

const answers = z.tuple([z.object({ answer: z.union([z.object({ forgotten: z.literal(true) }), state]) })]);
const forfeits = z.array(
  z.object({
    replica: z.string(),
    leases: z.coerce.number(),
    microUsd: z.coerce.bigint(),
    tokens: z.coerce.bigint(),
  }) satisfies z.ZodType<Forfeit>,
);

export const ledger = (sql: Sql): Ledger => ({
  exchange: async ({ replica, number, leaving, usage, returns, asks }) => {
    const text = 'select cloister_egress.converse($1, $2, $3, $4, $5, $6) as answer';
    const rows = await sql.query(text, [replica, number, leaving, json(usage), json(returns), json(asks)], 'converse');
    const [{ answer }] = answers.parse(rows);
    return 'forgotten' in answer ? 'forgotten' : answer;
  },
  expireSilent: async (seconds) => {
    // Replicas of the version before reserve call by call; who died among them is found by the second.
    const text = `select replica, leases, micro_usd::text as "microUsd", tokens::text from cloister_egress.expire_silent($1)`;
    const rows = forfeits.parse(await sql.query(text, [seconds], 'expire'));
    await sql.query('select cloister_egress.fold_reservations()', [], 'fold');
    return rows;
  },
});

/** Amounts beyond 2^53 stay exact as text, which Postgres reads as well. */
const json = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
