/** How logins, roles and schemas come to their end, whatever those who have them do meanwhile. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { loginsOf } from './logins.ts';
import { emptySchema, unlinkLargeObjects } from './postgres-emptying.ts';
import { changing, changingAlone, type Session } from './postgres-turn.ts';

/** A session that is about to begin is not seen yet, and was let in already. */
const startMs = 100;

const quoted = (name: string): string => pg.escapeIdentifier(name);

/**
 * What is one account's, whose sessions may be changing the same at the same moment, again and again. Where they do, nobody is let in to the account while it is
 * tried once more. Cut off in between, it leaves a login shut out that is not the one wanted.
 */
export async function changingOf(account: string, session: Session, statements: readonly string[]): Promise<void> {
  try {
    await changing(session, statements);
    return;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === 'XX000')) throw error; // "tuple concurrently updated"
  }
  const { client } = session;
  await client.query('ROLLBACK');
  const { rows } = await client.query<{ name: string; database: string }>(
    `SELECT quote_ident(rolname) AS name, quote_ident(current_database()) AS database FROM pg_roles
     WHERE rolname = ANY ($1) AND rolcanlogin AND has_database_privilege(oid, current_database(), 'CONNECT')`,
    [loginsOf(account)],
  );
  const letIn = rows.map(({ name, database }) => `GRANT CONNECT ON DATABASE ${database} TO ${name}`);
  await changing(
    session,
    rows.map(({ name, database }) => `REVOKE CONNECT ON DATABASE ${database} FROM ${name}`),
  );
  await endSessions(session, loginsOf(account));
  await pause(startMs);
  await endSessions(session, loginsOf(account));
  try {
    await changing(session, [...statements, ...letIn]);
  } catch (error) {
    await client.query('ROLLBACK');
    await changing(session, letIn);
    throw error;
  }
}

/** For good, their sessions too. What they own, against all expectation, goes to the account. */
export async function endLogins(session: Session, account: string, logins: readonly string[]): Promise<void> {
  if (logins.length === 0) return;
  const database = await shutOut(session, logins);
  const statements = logins.flatMap((login) => {
    const name = quoted(login);
    // The account stays, with the right to connect that every account has.
    if (login === account) return [`ALTER ROLE ${name} PASSWORD NULL`, `GRANT CONNECT ON DATABASE ${database} TO ${name}`];
    return [`REASSIGN OWNED BY ${name} TO ${quoted(account)}`, `DROP OWNED BY ${name}`, `DROP ROLE ${name}`];
  });
  await changing(session, statements);
}

type InDatabase = (database: string, work: (session: Session) => Promise<void>) => Promise<void>;

interface Dropped {
  readonly schema: string;
  readonly roles: readonly string[];
  /** How many things one transaction drops, where there are more. */
  readonly atOnce: number;
}

/**
 * Drops the schema and these roles with all they hold. What takes long holds nobody up: only roles are dropped in turn. Cut off half-way it
 * leaves roles, by which the rest is found. `inDatabase` works in another database of the server.
 */
export async function dropAll(session: Session, { schema, roles, atOnce }: Dropped, inDatabase: InDatabase): Promise<void> {
  await shutOut(session, roles);
  await emptySchema(session, schema, atOnce);
  await changingAlone(session, [`DROP SCHEMA IF EXISTS ${quoted(schema)} CASCADE`]);
  if (roles.length === 0) return;
  await dropOwned(session, roles, atOnce);
  for (const database of await otherDatabases(session.client, roles))
    await inDatabase(database, (there) => dropOwned(there, roles, atOnce));
  await changing(session, [`DROP ROLE ${roles.map(quoted).join()}`]);
}

async function dropOwned(session: Session, roles: readonly string[], atOnce: number): Promise<void> {
  await unlinkLargeObjects(session, roles, atOnce);
  await changingAlone(session, [`DROP OWNED BY ${roles.map(quoted).join()} CASCADE`]);
}

/** Where else they have anything: the server's own databases let everybody in, unless a superuser has closed them. */
async function otherDatabases(client: pg.ClientBase, roles: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT d.datname::text AS name FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.refobjid
     WHERE s.refclassid = 'pg_authid'::regclass AND d.datname <> current_database() AND r.rolname = ANY ($1)`,
    [roles],
  );
  return rows.map(({ name }) => name);
}

/**
 * In this order: nobody may come back after the end of the last session, and what is said of a role itself waits for sessions that hold it. The
 * right to connect stands with the database, which no tenant can hold. Gives the database's name, quoted.
 */
async function shutOut(session: Session, roles: readonly string[]): Promise<string> {
  const { rows } = await session.client.query<{ name: string }>('SELECT quote_ident(current_database()) AS name');
  const database = rows[0]?.name ?? '';
  const names = roles.map(quoted);
  if (names.length > 0) await changing(session, [`REVOKE CONNECT ON DATABASE ${database} FROM ${names.join()}`]);
  await endSessions(session, roles);
  const mayLogIn = await session.client.query<{ name: string }>(
    'SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolname = ANY ($1) AND rolcanlogin',
    [roles],
  );
  if (mayLogIn.rows.length > 0)
    await changing(
      session,
      mayLogIn.rows.map(({ name }) => `ALTER ROLE ${name} NOLOGIN`),
    );
  await endSessions(session, roles);
  return database;
}

const endSessions = ({ client }: Session, roles: readonly string[]): Promise<unknown> =>
  client.query('SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = ANY ($1)', [roles]);
