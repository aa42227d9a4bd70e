/**
 * Changes to what the server's databases and roles share, one at a time, and none held up by who is changed.
 *
 * A tenant has a session of its own in the database, so nothing that every role may lock can say whose turn it is: advisory locks are
 * everybody's. A table in a schema that lets nobody in is not.
 */
import pg from 'pg';
import { DataError } from './errors.ts';

/**
 * Two at once fail with "tuple concurrently updated". Not the strongest mode: functions that take an object's id, pg_relation_size for one,
 * take the weakest lock for whoever asks, without asking for rights.
 */
export const takeTurn = 'LOCK TABLE cloister_operator.turn IN SHARE ROW EXCLUSIVE MODE';

/** Of two that make it at once, the second finds it made. */
export const makeTurn = `
  DO $$ BEGIN
    CREATE SCHEMA IF NOT EXISTS cloister_operator;
    CREATE TABLE IF NOT EXISTS cloister_operator.turn ();
  EXCEPTION WHEN unique_violation OR duplicate_schema OR duplicate_table OR duplicate_object THEN NULL;
  END $$`;

/** For a lock that one statement needs, and not for the turn. Everybody else waits as long. */
const lockTimeout = '10s';
const patienceMs = 500;

/** `rescue` is for a second session, beside one that waits. */
export interface Session {
  readonly client: pg.ClientBase;
  readonly rescue: pg.Pool;
}

/** In one transaction, in turn. Where one of them fails, the session must end. Throws `turn_closed` where the turn is not the administrator's to take. */
export async function changing(session: Session, statements: readonly string[]): Promise<void> {
  await beginInTurn(session.client);
  await finish(session, statements);
}

/** The same for what is one account's alone, and may take long: others need not wait. */
export async function changingAlone(session: Session, statements: readonly string[]): Promise<void> {
  await session.client.query('BEGIN');
  await finish(session, statements);
}

async function finish({ client, rescue }: Session, statements: readonly string[]): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${lockTimeout}'`);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  using _ = endingWhoHolds(rescue, rows[0]?.pid ?? 0);
  for (const statement of statements) await client.query(statement);
  await client.query('COMMIT');
}

async function beginInTurn(client: pg.ClientBase): Promise<void> {
  try {
    await client.query(`BEGIN; ${takeTurn}`);
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    if (code !== '42501' && code !== '3F000' && code !== '42P01') throw error; // no right, no such schema, no such table
    await client.query('ROLLBACK');
    if (code === '42501') throw new DataError('turn_closed', {}, { cause: error });
    await client.query(makeTurn);
    await client.query(`BEGIN; ${takeTurn}`);
  }
}

/**
 * Ends sessions of logins (logins.ts) for which the one with this process id waits: a tenant may hold rows of its schema, its roles and its tables in a
 * transaction that it never ends. Who waits gets them next, however fast such a session is back. Others' are left alone: a dump, say.
 */
function endingWhoHolds(rescue: pg.Pool, waiting: number): Disposable {
  const blocking =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1)) AND usename ~ '[$][ab]$' AND usename <> current_user";
  // Where it fails, the statement that waits fails too, by its lock_timeout, and is what gets told.
  const timer = setInterval(() => void rescue.query(blocking, [waiting]).catch(() => undefined), patienceMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
