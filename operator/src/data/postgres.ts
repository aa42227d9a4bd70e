/**
 * Roles and schemas in Postgres, one pair for each tenant, and the logins by which they are used.
 *
 * Guarantees: idempotent and safe after a crash at any statement (what makes a role is one transaction); a look that finds everything
 * right changes nothing; what belongs to another owner is never touched; passwords stand in no statement and no error.
 * Errors: {@link DataError}.
 */
import pLimit from 'p-limit';
import pg from 'pg';
import { DataError, describe } from './errors.ts';
import { tlsTo, type PostgresAddress } from './postgres-address.ts';
import { slotsOf } from './logins.ts';
import { digestOf, type Look } from './look.ts';
import {
  loginsIn,
  readRoles,
  readVerifiers,
  roleIn,
  statementsFor,
  type RoleState,
  type RoleWanted,
  type Roles,
} from './postgres-state.ts';
import { openings } from './postgres-walls.ts';
import { ProvenPasswords, scramVerifier } from './scram.ts';

/** Serialises what changes shared catalogs: two at once fail with "tuple concurrently updated". The number is arbitrary. */
export const changeLock = 7_236_104_415;
const defaultTimeouts = { connectMs: 5_000, queryMs: 65_000 };
const connections = 8;

export interface Login {
  readonly login: string;
  readonly password: string;
}

export interface LoginWanted {
  readonly wanted: RoleWanted;
  readonly login: Login;
}

export class PostgresAdmin {
  readonly #address: PostgresAddress;
  readonly #pool: pg.Pool;
  readonly #proven = new ProvenPasswords();
  readonly #connectTimeoutMs: number;
  /** The pool's time-out is for a Postgres that does not answer; it must not count the wait for those who came before. */
  readonly #inTurn = pLimit(connections);

  constructor(address: PostgresAddress, timeouts: Partial<typeof defaultTimeouts> = {}) {
    const { connectMs, queryMs } = { ...defaultTimeouts, ...timeouts };
    this.#address = address;
    this.#connectTimeoutMs = connectMs;
    const { host, port, user, password, database } = address;
    this.#pool = new pg.Pool({
      ...{ host, port, user, password, database, ssl: tlsTo(address) },
      max: connections,
      connectionTimeoutMillis: this.#connectTimeoutMs,
      idleTimeoutMillis: 30_000,
      statement_timeout: 60_000,
      // For a server that has stopped, or a network that forgets: neither ends a statement.
      query_timeout: queryMs,
      keepAlive: true,
      application_name: 'cloister-operator',
    });
    // A broken idle connection is thrown away by the pool; without a listener it would end the process.
    this.#pool.on('error', () => undefined);
    // The pool listens to idle ones alone. A statement under way is told anyhow.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /**
   * Closes what Postgres leaves open to everybody. True when something had to change. Throws `walls_open` where it stays open: to who is not the owner
   * Postgres says so by a warning alone.
   */
  closeWalls(): Promise<boolean> {
    const { database, user } = this.#address;
    return this.#use(async (client) => {
      const statements = await openings(client, database);
      if (statements.length === 0) return false;
      await changing(client, statements);
      const left = await openings(client, database);
      // What is closed to every role is closed to this one, unless it was let in by name, and it lets in the tenants.
      const letIn = `GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${pg.escapeIdentifier(user)} WITH GRANT OPTION`;
      if (left.length > 0) throw new DataError('walls_open', { database, statements: [...left, letIn].join('; ') });
      return true;
    });
  }

  /** What is there of these accounts, in their order: two queries, however many they are. */
  look(accounts: readonly string[]): Promise<readonly Look<LoginWanted>[]> {
    return this.#use(async (client) => {
      const roles = await readRoles(client, accounts);
      const logins = accounts.flatMap((account) => loginsIn(roles, account));
      const verifiers = isSuperuser(roles) ? await readVerifiers(client, logins) : undefined;
      return accounts.map((account) => this.#lookAt(account, roles, verifiers));
    });
  }

  /**
   * Makes the login work with this password, as its owner, which owns its schema and nothing else. Other logins are left as they are.
   * True when something had to change. Throws `data_taken` where role or schema are another owner's.
   */
  ensureLogin(wanted: RoleWanted, login: Login): Promise<boolean> {
    return this.#use(async (client) => {
      const roles = await readRoles(client, [wanted.name]);
      refuseForeign(wanted, roleIn(roles, wanted.name));
      const statements = statementsFor(wanted, login.login, roles, this.#address.database);
      const verifiers = isSuperuser(roles) ? await readVerifiers(client, [login.login]) : undefined;
      if (!(await this.#lets(login, roles, verifiers))) {
        const verifier = pg.escapeLiteral(await scramVerifier(login.password));
        statements.push(`ALTER ROLE ${pg.escapeIdentifier(login.login)} PASSWORD ${verifier}`);
      }
      if (statements.length > 0) await changing(client, statements);
      return statements.length > 0;
    });
  }

  /** Logins of the account that are there: roles that may log in. */
  logins(account: string): Promise<readonly string[]> {
    return this.#use(async (client) => loginsIn(await readRoles(client, [account]), account));
  }

  /** How many sessions these logins have. */
  sessions(logins: readonly string[]): Promise<number> {
    return this.#use(async (client) => {
      const { rowCount } = await client.query('SELECT FROM pg_stat_activity WHERE usename = ANY ($1)', [logins]);
      return rowCount ?? 0;
    });
  }

  /**
   * Keeps role and schema as they are, but for nobody to use: no login, and no session that began before. False when there is
   * neither. {@link ensureLogin} opens it again, with the password of before too. Throws `data_taken` as it does.
   */
  closeRole({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    return this.#use(async (client) => {
      const roles = await readRoles(client, [name]);
      const found = roleIn(roles, name);
      refuseForeign({ name, owner }, found);
      await endLogins(client, name, loginsIn(roles, name));
      return found.role_exists || found.schema_exists;
    });
  }

  /** Ends logins of the account for good, their sessions too. What they own, against all expectation, goes to the account. */
  retireLogins(account: string, logins: readonly string[]): Promise<void> {
    return this.#use(async (client) => {
      const found = loginsIn(await readRoles(client, [account]), account);
      await endLogins(
        client,
        account,
        found.filter((login) => logins.includes(login)),
      );
    });
  }

  /** Drops role, logins and schema with all they hold; false when there were none. Throws `data_taken` as {@link ensureLogin} does. */
  dropRole({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    return this.#use(async (client) => {
      const there = await readRoles(client, [name]);
      const found = roleIn(there, name);
      const logins = slotsOf(name).filter((login) => roleIn(there, login).role_exists);
      if (!found.role_exists && !found.schema_exists && logins.length === 0) return false;
      refuseForeign({ name, owner }, found);
      const roles = [...logins, ...(found.role_exists ? [name] : [])];
      await shutOut(client, roles);
      await changing(client, [
        `DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(name)} CASCADE`,
        ...roles.map(pg.escapeIdentifier).flatMap((role) => [`DROP OWNED BY ${role} CASCADE`, `DROP ROLE ${role}`]),
      ]);
      return true;
    });
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  #use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#inTurn(() => this.#useNow(work));
  }

  async #useNow<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    try {
      const client = await this.#pool.connect();
      // Used again only after work that went well, or found fault with what it saw: a line may have gone dead, and a transaction is rolled back by the end
      // of its session.
      let usable = false;
      try {
        const done = await work(client);
        usable = true;
        return done;
      } catch (error) {
        usable = error instanceof DataError;
        throw error;
      } finally {
        client.release(!usable);
      }
    } catch (error) {
      if (error instanceof DataError) throw error;
      const { host, port } = this.#address;
      throw new DataError(
        isDistrust(error) ? 'postgres_untrusted' : 'postgres_failed',
        { address: `${host}:${port}`, why: describe(error) },
        { cause: error },
      );
    }
  }

  #lookAt(account: string, roles: Roles, verifiers: Verifiers): Look<LoginWanted> {
    const logins = loginsIn(roles, account);
    const seen = [account, ...slotsOf(account)].map((name) => [roleIn(roles, name), verifiers?.get(name)]);
    return {
      logins,
      digest: verifiers && digestOf(seen),
      fits: async ({ wanted, login }) =>
        statementsFor(wanted, login.login, roles, this.#address.database).length === 0 && (await this.#lets(login, roles, verifiers)),
    };
  }

  /** A superuser sees what is stored for the password, which costs less than a session: a thousand tenants are looked at after each start. */
  async #lets({ login, password }: Login, roles: Roles, verifiers: Verifiers): Promise<boolean> {
    const { role_exists: exists, login: mayLogIn } = roleIn(roles, login);
    if (!exists || mayLogIn !== true) return false;
    if (!verifiers) return this.#logsIn(login, password);
    const stored = verifiers.get(login);
    return stored !== undefined && (await this.#proven.holds(password, stored));
  }

  /** Throws when the answer says nothing about the password. */
  async #logsIn(user: string, password: string): Promise<boolean> {
    const { host, port, database } = this.#address;
    const client = new pg.Client({
      ...{ host, port, database, user, password, ssl: tlsTo(this.#address) },
      connectionTimeoutMillis: this.#connectTimeoutMs,
    }).on('error', () => undefined); // nothing more is asked of it than to connect
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

/** Node's and OpenSSL's words for a certificate of the wrong authority, name or time. */
const isDistrust = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/.test(String(error.code));

/** Undefined to whom they are not shown. */
type Verifiers = ReadonlyMap<string, string> | undefined;

const isSuperuser = (roles: Roles): boolean => roles.values().some((role) => role.admin_is_superuser);

async function endLogins(client: pg.ClientBase, account: string, logins: readonly string[]): Promise<void> {
  if (logins.length === 0) return;
  await shutOut(client, logins);
  const owner = pg.escapeIdentifier(account);
  const statements = logins.flatMap((login) => {
    const name = pg.escapeIdentifier(login);
    if (login === account) return [`ALTER ROLE ${name} PASSWORD NULL`];
    return [`REASSIGN OWNED BY ${name} TO ${owner}`, `DROP OWNED BY ${name}`, `DROP ROLE ${name}`];
  });
  await changing(client, statements);
}

/** In this order: nobody may come back after the end of the last session. */
async function shutOut(client: pg.ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY ($1) AND rolcanlogin',
    [roles],
  );
  const statements = rows.map(({ name }) => `ALTER ROLE ${pg.escapeIdentifier(name)} NOLOGIN`);
  if (statements.length > 0) await changing(client, statements);
  await client.query('SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = ANY ($1)', [roles]);
}

/** Where one of them fails, the session must end. */
async function changing(client: pg.ClientBase, statements: readonly string[]): Promise<void> {
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [changeLock]);
  for (const statement of statements) await client.query(statement);
  await client.query('COMMIT');
}

function refuseForeign({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>, found: RoleState): void {
  const other = [found.schema_owner, found.role_owner].find((mark) => mark !== null && mark !== owner);
  if (other !== undefined && other !== null) throw new DataError('data_taken', { name, owner: other, wanted: owner });
}
