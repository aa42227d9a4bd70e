/**
 * Roles and schemas in Postgres, one pair for each tenant.
 *
 * Guarantees: idempotent and safe after a crash at any statement (what makes a role is one transaction); a look that finds everything
 * right changes nothing; what belongs to another owner is never touched; passwords stand in no statement and no error.
 * Errors: {@link DataError}.
 */
import pg from 'pg';
import { DataError, describe } from './errors.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { readRole, readVerifier, statementsFor, type RoleState, type RoleWanted } from './postgres-state.ts';
import { openings } from './postgres-walls.ts';
import { ProvenPasswords, scramVerifier } from './scram.ts';

/** Serialises what changes shared catalogs: two at once fail with "tuple concurrently updated". The number is arbitrary. */
const changeLock = 7_236_104_415;
const connectTimeoutMs = 5_000;

export class PostgresAdmin {
  readonly #address: PostgresAddress;
  readonly #pool: pg.Pool;
  readonly #proven = new ProvenPasswords();

  constructor(address: PostgresAddress) {
    this.#address = address;
    this.#pool = new pg.Pool({
      ...address,
      max: 4,
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: 30_000,
      statement_timeout: 60_000,
      application_name: 'cloister-operator',
    });
    // A broken idle connection is thrown away by the pool; without a listener it would end the process.
    this.#pool.on('error', () => undefined);
  }

  /** Closes what Postgres leaves open to everybody. True when something had to change. */
  closeWalls(): Promise<boolean> {
    return this.#use(async (client) => {
      const statements = await openings(client, this.#address.database);
      if (statements.length > 0) await changing(client, statements);
      return statements.length > 0;
    });
  }

  /**
   * Makes the role log in with this password and own its schema, and nothing else. True when something had to change.
   * A role that is not there is made only if its owner still lives: one that is made for an owner who is gone is nobody's to drop.
   * Throws `data_taken` where role or schema are another owner's, `owner_gone` where there is no owner any more.
   */
  ensureRole(wanted: RoleWanted, password: string, ownerLives: () => Promise<boolean> = alwaysThere): Promise<boolean> {
    return this.#use(async (client) => {
      const found = await readRole(client, wanted.name);
      refuseForeign(wanted, found);
      if (!found.role_exists && !(await ownerLives())) throw new DataError('owner_gone', { name: wanted.name, owner: wanted.owner });
      const statements = statementsFor(wanted, found, this.#address.database);
      const works = found.role_exists && found.login === true && (await this.#passwordWorks(client, wanted.name, found, password));
      if (!works)
        statements.push(`ALTER ROLE ${pg.escapeIdentifier(wanted.name)} PASSWORD ${pg.escapeLiteral(await scramVerifier(password))}`);
      if (statements.length > 0) await changing(client, statements);
      return statements.length > 0;
    });
  }

  /**
   * Keeps role and schema as they are, but for nobody to use: no login, and no session that began before. False when there is neither.
   * {@link ensureRole} opens them again. Throws `data_taken` as it does.
   */
  closeRole({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    return this.#use(async (client) => {
      const found = await readRole(client, name);
      if (!found.role_exists && !found.schema_exists) return false;
      refuseForeign({ name, owner }, found);
      if (found.role_exists) await shutOut(client, name, found);
      return true;
    });
  }

  /** Drops role and schema with all they hold; false when there was neither. Throws `data_taken` as {@link ensureRole} does. */
  dropRole({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    return this.#use(async (client) => {
      const found = await readRole(client, name);
      if (!found.role_exists && !found.schema_exists) return false;
      refuseForeign({ name, owner }, found);
      const role = pg.escapeIdentifier(name);
      if (found.role_exists) await shutOut(client, name, found);
      await changing(client, [
        `DROP SCHEMA IF EXISTS ${role} CASCADE`,
        ...(found.role_exists ? [`DROP OWNED BY ${role} CASCADE`, `DROP ROLE ${role}`] : []),
      ]);
      return true;
    });
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    try {
      const client = await this.#pool.connect();
      try {
        return await work(client);
      } finally {
        client.release();
      }
    } catch (error) {
      if (error instanceof DataError) throw error;
      const { host, port } = this.#address;
      throw new DataError('postgres_failed', { address: `${host}:${port}`, why: describe(error) }, { cause: error });
    }
  }

  /** A superuser sees what is stored for the password, which costs less than a session: a thousand tenants are looked at after each start. */
  async #passwordWorks(client: pg.ClientBase, user: string, found: RoleState, password: string): Promise<boolean> {
    if (!found.admin_is_superuser) return this.#logsIn(user, password);
    const stored = await readVerifier(client, user);
    return stored !== undefined && (await this.#proven.holds(password, stored));
  }

  /** Throws when the answer says nothing about the password. */
  async #logsIn(user: string, password: string): Promise<boolean> {
    const { host, port, database } = this.#address;
    const client = new pg.Client({ host, port, database, user, password, connectionTimeoutMillis: connectTimeoutMs });
    try {
      await client.connect();
      return true;
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined;
      if (code === '28P01') return false; // invalid_password
      if (code === '42501' || code === '53300') return true; // may not connect to the database, or has too many connections: both asked after the password
      throw error;
    } finally {
      await client.end();
    }
  }
}

const alwaysThere = (): Promise<boolean> => Promise.resolve(true);

async function changing(client: pg.ClientBase, statements: readonly string[]): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [changeLock]);
    for (const statement of statements) await client.query(statement);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

/** In this order: nobody may come back after the end of the last session. */
async function shutOut(client: pg.ClientBase, name: string, found: RoleState): Promise<void> {
  if (found.login === true) await client.query(`ALTER ROLE ${pg.escapeIdentifier(name)} NOLOGIN`);
  await client.query('SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = $1', [name]);
}

function refuseForeign({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>, found: RoleState): void {
  const other = [found.schema_owner, found.role_owner].find((mark) => mark !== null && mark !== owner);
  if (other !== undefined && other !== null) throw new DataError('data_taken', { name, owner: other, wanted: owner });
}
