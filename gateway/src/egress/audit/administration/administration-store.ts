/** What is on record of administrative changes, as egress sees it in Postgres. Guarantees: sql/administration.ts. */
import { z } from 'zod';
import type { Sql } from '../../budget/sql/sql.ts';
import type { Owner } from '../chain.ts';

/** Something of a tenant as it is on record. */
export interface Seen {
  readonly version: number;
  /** JSON; null once it is gone. */
  readonly state: string | null;
}

export interface Noting extends Owner {
  readonly what: string;
  /** The version that was on record; undefined for none. */
  readonly expected: number | undefined;
  readonly version: number;
  readonly state: string | null;
  /** JSON of the record, without kind, writer and number; undefined where nothing is to be on record. */
  readonly facts: string | undefined;
}

export interface AdministrationStore {
  seen(tenantUid: string, what: string): Promise<Seen | undefined>;
  /** One transaction. False, and nothing done, where another version is on record than was expected. */
  note(noting: Noting): Promise<boolean>;
  /** What is there according to the record, of all tenants, whose name begins so. */
  live(prefix: string): Promise<readonly (Owner & { readonly what: string; readonly version: number })[]>;
}

const seen = z.array(z.object({ version: z.coerce.number(), state: z.string().nullable() }));
const noted = z.tuple([z.object({ noted: z.boolean() })]);
const living = z.array(z.object({ tenantUid: z.string(), tenant: z.string(), what: z.string(), version: z.coerce.number() }));

export const administrationStore = (sql: Sql): AdministrationStore => ({
  seen: async (tenantUid, what) => {
    const text = 'select version, state from cloister_egress.audit_seen where tenant_uid = $1 and what = $2';
    return seen.parse(await sql.query(text, [tenantUid, what]))[0];
  },
  note: async ({ tenantUid, tenant, what, expected = null, version, state, facts = null }) => {
    const values = [tenantUid, tenant, what, expected, version, state, facts];
    const [row] = noted.parse(await sql.query('select cloister_egress.audit_note($1, $2, $3, $4, $5, $6, $7) as noted', values));
    return row.noted;
  },
  live: async (prefix) => {
    const text = `select tenant_uid as "tenantUid", tenant, what, version from cloister_egress.audit_seen
      join cloister_egress.audit_chain using (tenant_uid) where starts_with(what, $1) and state is not null`;
    return living.parse(await sql.query(text, [prefix]));
  },
});
