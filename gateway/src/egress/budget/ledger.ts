/** The durable side of the budget, as the rest of egress sees it. Rules and guarantees: sql/tables.ts. */
import { z } from 'zod';
import type { Rung } from './ask.ts';
import type { MicroUsd } from './money.ts';
import type { Sql } from './sql/sql.ts';

export type WindowKind = 'daily' | 'monthly';

/** Undefined: not limited. */
export interface Limit {
  readonly kind: WindowKind;
  readonly microUsd: MicroUsd | undefined;
  readonly tokens: number | undefined;
}

/** Whose call it is, as usage is kept. */
export interface Call {
  /** Made by the gateway; a call is settled once, however often that is tried. */
  readonly id: string;
  readonly tenantUid: string;
  readonly tenant: string;
  readonly agent: string;
  readonly model: string;
  readonly timeZone: string;
}

export interface Budgeted {
  readonly tenantUid: string;
  readonly timeZone: string;
  readonly limits: readonly Limit[];
}

export interface Ask {
  readonly call: Call;
  /** The dearest first. */
  readonly rungs: readonly Rung[];
  /** After this, a call that was not settled counts as spent in full. */
  readonly seconds: number;
}

export interface Refusal {
  readonly window: WindowKind;
  readonly unit: 'money' | 'tokens';
  /** False: the budget is not spent, but the rest of it is reserved for calls in progress. */
  readonly spent: boolean;
  /** RFC 3339, UTC. */
  readonly renewsAt: string;
  readonly renewsInSeconds: number;
}

export type Answer = { readonly granted: number } | { readonly refused: Refusal };

export interface Settlement {
  readonly call: Call;
  /** Whether something was reserved for it. */
  readonly reserved: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly microUsd: MicroUsd;
}

export interface Ledger {
  /**
   * Calls of one tenant, each in all of its windows or in none. Answers in the order of the asks. Rejects when the database cannot say;
   * it may have reserved all the same.
   */
  reserve(tenant: Budgeted, asks: readonly Ask[]): Promise<readonly Answer[]>;
  /** All of them or none. May be repeated. */
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** How many calls of dead gateways were counted in full. */
  foldExpired(): Promise<number>;
}

const refusal = z.object({
  window: z.enum(['daily', 'monthly']),
  unit: z.enum(['money', 'tokens']),
  spent: z.boolean(),
  renewsAt: z.string(),
  renewsInSeconds: z.number(),
});
const answer = z.union([z.object({ granted: z.number() }), z.object({ refused: refusal })]);
const answers = z.tuple([z.object({ answers: z.array(answer) })]);
const folded = z.tuple([z.object({ folded: z.coerce.number() })]);

export const ledger = (sql: Sql): Ledger => ({
  reserve: async ({ tenantUid, timeZone, limits }, asks) => {
    const text = 'select cloister_egress.reserve($1, $2, $3, $4) as answers';
    return answers.parse(await sql.query(text, [tenantUid, timeZone, json(limits), json(asks)], 'reserve'))[0].answers;
  },
  settle: async (settlements) => {
    const entries = settlements.map(({ call, ...rest }) => ({ ...call, ...rest }));
    await sql.query('select cloister_egress.settle($1)', [json(entries)], 'settle');
  },
  foldExpired: async () => folded.parse(await sql.query('select cloister_egress.fold_expired() as folded', [], 'fold'))[0].folded,
});

/** Amounts beyond 2^53 stay exact as text, which Postgres reads as well. */
const json = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
