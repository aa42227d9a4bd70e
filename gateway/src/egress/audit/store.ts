/** The audit as egress sees it in Postgres. Guarantees: sql/tables.ts. */
import { z } from 'zod';
import type { Sql } from '../budget/sql/sql.ts';
import type { Chain, Head, Owner } from './chain.ts';

/** A record on its way. */
export interface Entry extends Owner {
  /** Of this writer and tenant: from 1, without a gap. */
  readonly number: number;
  /** JSON, one line. */
  readonly record: string;
}

export interface TenantHead extends Head {
  readonly tenantUid: string;
}

export interface AuditStore {
  /**
   * One transaction, on disk when it resolves. When it rejects, the entries may have been taken all the same, and can be given again.
   * Entries of one tenant must come in the order of their numbers, over all calls.
   */
  append(writer: string, entries: readonly Entry[]): Promise<readonly TenantHead[]>;
}

const heads = z.array(z.object({ tenantUid: z.string(), seq: z.coerce.number(), hash: z.string() }));

export const auditStore = (sql: Sql): AuditStore => ({
  append: async (writer, entries) => {
    const text = 'select tenant_uid as "tenantUid", seq, hash from cloister_egress.audit_append($1, $2, $3, $4, $5)';
    const column = <T>(of: (entry: Entry) => T): T[] => entries.map(of);
    const values = [
      writer,
      column(({ tenantUid }) => tenantUid),
      column(({ tenant }) => tenant),
      column(({ number }) => number),
      column(({ record }) => record),
    ];
    return heads.parse(await sql.query(text, values, 'audit_append'));
  },
});

const place = { seq: z.coerce.number(), hash: z.string() };
const chains = z.array(z.object({ tenantUid: z.string(), tenant: z.string(), ...place, pruned: z.object(place).nullable() }));

/** Chains of tenants with this name or UID: several where a name was used again. */
export async function findChains(sql: Pick<Sql, 'query'>, nameOrUid: string): Promise<readonly Chain[]> {
  const text = `select tenant_uid as "tenantUid", tenant, seq, hash,
      case when pruned_hash is not null then json_build_object('seq', pruned_seq, 'hash', pruned_hash) end as pruned
    from cloister_egress.audit_chain where tenant = $1 or tenant_uid = $1 order by tenant_uid`;
  return chains.parse(await sql.query(text, [nameOrUid])).map(({ pruned, ...chain }) => ({ ...chain, pruned: pruned ?? undefined }));
}

const stored = z.object({ seq: z.coerce.number(), hash: z.string(), record: z.string() });
export type StoredRecord = z.infer<typeof stored>;

const pageSize = 1_000;

/** Records of the chain that are kept, up to its head, in order, as they are stored. */
export async function* recordsOf(sql: Pick<Sql, 'query'>, { tenantUid, seq: last }: Chain): AsyncGenerator<StoredRecord> {
  const text = `select seq, hash, record from cloister_egress.audit_record
    where tenant_uid = $1 and seq > $2 and seq <= $3 order by seq limit ${pageSize}`;
  for (let from = 0, full = true; full;) {
    const page = z.array(stored).parse(await sql.query(text, [tenantUid, from, last]));
    yield* page;
    from = page.at(-1)?.seq ?? from;
    full = page.length === pageSize;
  }
}
