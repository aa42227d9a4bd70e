/**
 * What there may be more of than can be dropped at once: each thing that a transaction drops takes a lock, and the server has one table of them for
 * everybody, which a tenant with some ten thousands of things would fill ("out of shared memory").
 */
import pg from 'pg';
import { changingAlone, type Session } from './postgres-turn.ts';

/**
 * What hangs by the schema and can be dropped by itself, as a statement. Left out is what goes only with another thing: parts of tables and views, which
 * hang by a schema where they name it as a constant, the sequence of an identity column, the constructors of a range, members of an extension. Whether
 * it does is told of the thing as a whole (`objsubid`): the columns by which a table is partitioned are parts of that table.
 */
const drops = `
  SELECT CASE o.type
           WHEN 'procedure' THEN format('DROP PROCEDURE IF EXISTS %s.%s(%s) CASCADE', o.schema, quote_ident(p.proname), pg_get_function_identity_arguments(p.oid))
           WHEN 'aggregate' THEN format('DROP AGGREGATE IF EXISTS %s CASCADE', regexp_replace(o.identity, '[(][)]$', '(*)'))
           WHEN 'composite type' THEN format('DROP TYPE IF EXISTS %s CASCADE', o.identity)
           WHEN 'statistics object' THEN format('DROP STATISTICS IF EXISTS %s CASCADE', o.identity)
           ELSE format('DROP %s IF EXISTS %s CASCADE', o.type, o.identity)
         END AS drop
  FROM (SELECT classid, objid FROM pg_depend AS d
        WHERE refclassid = 'pg_namespace'::regclass AND deptype = 'n' AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $1)
          AND classid NOT IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass,
                              'pg_rewrite'::regclass, 'pg_trigger'::regclass)
          AND NOT EXISTS (SELECT FROM pg_depend AS part
                          WHERE part.classid = d.classid AND part.objid = d.objid AND part.objsubid = 0 AND part.deptype IN ('e', 'i', 'P', 'S'))
        ORDER BY objid DESC LIMIT $2) AS d
  CROSS JOIN pg_identify_object(d.classid, d.objid, 0) AS o
  LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid`;

/**
 * Leaves fewer than `atOnce` in the schema, or what Postgres refuses to drop by itself. The newest go first: what was made of others goes before them, not
 * all at once with them.
 */
export async function emptySchema(session: Session, schema: string, atOnce: number): Promise<void> {
  for (let before = ''; ;) {
    const { rows } = await session.client.query<{ drop: string }>(drops, [schema, atOnce]);
    const batch = rows.map(({ drop }) => drop).join(';');
    if (rows.length < atOnce || batch === before || !(await dropped(session, batch))) return;
    before = batch;
  }
}

/** False where Postgres refuses. With the schema it may go all the same: what hangs by it may be somebody's whose things are not the administrator's. */
async function dropped(session: Session, batch: string): Promise<boolean> {
  try {
    await changingAlone(session, [batch]);
    return true;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    await session.client.query('ROLLBACK');
    return false;
  }
}

/** All that these roles own in the session's database. */
export async function unlinkLargeObjects(session: Session, roles: readonly string[], atOnce: number): Promise<void> {
  const batch = `SELECT lo_unlink(oid) FROM (SELECT m.oid FROM pg_largeobject_metadata m JOIN pg_roles r ON r.oid = m.lomowner
                WHERE r.rolname = ANY ($1) LIMIT $2) AS owned`;
  for (;;) if (((await session.client.query(batch, [roles, atOnce])).rowCount ?? 0) < atOnce) return;
}
