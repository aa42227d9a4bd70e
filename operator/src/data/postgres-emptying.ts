/**
 * What there may be more of than can be dropped at once: each thing that a transaction drops takes a lock, and the server has one table of them for
 * everybody, which a tenant with some ten thousands of things would fill ("out of shared memory").
 */
import { changingAlone, type Session } from './postgres-turn.ts';

const most = 500;

/** Leaves fewer than that in the schema. The newest go first: what was made of others goes before them, not all at once with them. */
export async function emptySchema(session: Session, schema: string): Promise<void> {
  for (;;) {
    const { rows } = await session.client.query<{ drop: string }>(
      `SELECT format('DROP %s IF EXISTS %s CASCADE',
                     CASE o.type WHEN 'composite type' THEN 'type' WHEN 'statistics object' THEN 'statistics' ELSE o.type END, o.identity) AS drop
       FROM (SELECT classid, objid FROM pg_depend
             WHERE refclassid = 'pg_namespace'::regclass AND deptype = 'n' AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $1)
             ORDER BY objid DESC LIMIT $2) AS d, pg_identify_object(d.classid, d.objid, 0) AS o`,
      [schema, most],
    );
    if (rows.length < most) return;
    await changingAlone(session, [rows.map(({ drop }) => drop).join(';')]);
  }
}

/** All that these roles own in the session's database. */
export async function unlinkLargeObjects(session: Session, roles: readonly string[]): Promise<void> {
  const batch = `SELECT lo_unlink(oid) FROM (SELECT m.oid FROM pg_largeobject_metadata m JOIN pg_roles r ON r.oid = m.lomowner
                WHERE r.rolname = ANY ($1) LIMIT ${most}) AS owned`;
  for (;;) if (((await session.client.query(batch, [roles])).rowCount ?? 0) < most) return;
}
