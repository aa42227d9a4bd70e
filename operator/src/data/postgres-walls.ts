/**
 * What no role may do in the database that tenants share.
 *
 * Postgres lets everybody connect to a database, make temporary tables and use schema "public"; a tenant needs none of it. It also lets
 * everybody read the names of all roles, schemas and tables. Where the administrator is a superuser those catalogs are closed too.
 * The server's own databases "postgres" and "template1", in which those catalogs stand as well, are closed to all but administrators.
 * What stays readable: single names by object id, through casts such as `16384::regrole`, which Postgres does not guard.
 */
import pg from 'pg';
import { z } from 'zod';

const openTo = z.object({
  database: z.boolean(),
  schema: z.boolean(),
  catalogs: z.array(z.string()),
  databases: z.array(z.string()),
  superuser: z.boolean(),
});

/** Catalogs that name other tenants and that no client needs: node-postgres reads none of them. */
const telling = [
  'pg_roles',
  'pg_user',
  'pg_group',
  'pg_auth_members',
  'pg_namespace',
  'pg_class',
  'pg_attribute',
  'pg_proc',
  'pg_type',
  'pg_description',
  'pg_shdescription',
  'pg_db_role_setting',
  'pg_database',
  'pg_tables',
  'pg_views',
  'pg_indexes',
  'pg_sequences',
  'pg_stats',
  'pg_stat_activity',
  'pg_stat_user_tables',
  'pg_stat_all_tables',
  'pg_stat_user_indexes',
  'pg_stat_all_indexes',
  'pg_statio_user_tables',
  'pg_statio_all_tables',
  'pg_locks',
];

const query = `
  SELECT has_database_privilege('public', current_database(), 'CONNECT')
         OR has_database_privilege('public', current_database(), 'TEMPORARY') AS database,
         has_schema_privilege('public', 'public', 'USAGE') OR has_schema_privilege('public', 'public', 'CREATE') AS schema,
         ARRAY(SELECT name FROM unnest($1::text[]) AS name
               WHERE has_table_privilege('public', 'pg_catalog.' || name, 'SELECT')) AS catalogs,
         ARRAY(SELECT datname::text FROM pg_database
               WHERE datname IN ('postgres', 'template1') AND datname <> current_database()
                 AND has_database_privilege('public', oid, 'CONNECT')) AS databases,
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser`;

/** The statements that close what stands open. None when all is closed. */
export async function openings(client: pg.ClientBase, database: string): Promise<string[]> {
  const { rows } = await client.query<Record<string, unknown>>(query, [telling]);
  const open = openTo.parse(rows[0]);
  const { catalogs, databases } = open.superuser ? open : { catalogs: [], databases: [] };
  return [
    ...(open.database ? [`REVOKE ALL ON DATABASE ${pg.escapeIdentifier(database)} FROM PUBLIC`] : []),
    ...(open.schema ? ['REVOKE ALL ON SCHEMA public FROM PUBLIC'] : []),
    ...databases.map((name) => `REVOKE ALL ON DATABASE ${pg.escapeIdentifier(name)} FROM PUBLIC`),
    ...catalogs.map((name) => `REVOKE ALL ON pg_catalog.${pg.escapeIdentifier(name)} FROM PUBLIC`),
  ];
}
