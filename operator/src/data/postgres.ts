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
import { changingOf, dropAll, endLogins } from './postgres-ends.ts';
import { changing, type Session } from './postgres-turn.ts';
import { openings } from './postgres-walls.ts';
import { ProvenPasswords, scramVerifier } from './scram.ts';

const defaultTimeouts = { connectMs: 5_000, queryMs: 65_000 };
const connections = 8;
type Timeouts = typeof defaultTimeouts;
/** How many things of a tenant one transaction drops: each takes one of the server's locks. */
const droppedAtOnce = 500;

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
  readonly #rescue: pg.Pool;
  readonly #proven = new ProvenPasswords();
  readonly #timeouts: Timeouts;
  readonly #atOnce: number;
  /** The pool's time-out is for a Postgres that does not answer; it must not count the wait for those who came before. */
  readonly #inTurn = pLimit(connections);

  constructor(address: PostgresAddress, timeouts: Partial<typeof defaultTimeouts> = {}, atOnce = droppedAtOnce) {
    this.#address = address;
    this.#atOnce = atOnce;
    this.#timeouts = { ...defaultTimeouts, ...timeouts };
    this.#pool = poolTo(address, this.#timeouts, connections);
    this.#rescue = poolTo(address, this.#timeouts, 1);
  }

  /**
   * Closes what Postgres leaves open to everybody. True when something had to change. Throws `walls_open` where it stays open: to who is not the owner
   * Postgres says so by a warning alone.
   */
  closeWalls(): Promise<boolean> {
    const { database, user } = this.#address;
    return this.#use(async (session) => {
      const { client } = session;
      const statements = await openings(client, database);
      if (statements.length === 0) return false;
      await changing(session, statements);
      const left = await openings(client, database);
      // What is closed to every role is closed to this one, unless it was let in by name, and it lets in the tenants.
      const letIn = `GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${pg.escapeIdentifier(user)} WITH GRANT OPTION`;
      if (left.length > 0) throw new DataError('walls_open', { database, statements: [...left, letIn].join('; ') });
      return true;
    });
  }

  /** What is there of these accounts, in their order: two queries, however many they are. */
  look(accounts: readonly string[]): Promise<readonly Look<LoginWanted>[]> {
    return this.#use(async ({ client }) => {
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
    return this.#use(async (session) => {
      const { client } = session;
      const roles = await readRoles(client, [wanted.name]);
      refuseForeign(wanted, roleIn(roles, wanted.name));
      const statements = statementsFor(wanted, login.login, roles, this.#address.database);
      const verifiers = isSuperuser(roles) ? await readVerifiers(client, [login.login]) : undefined;
      // Whether the password works says nothing while settings are wrong: a login can be given some with which it always fails.
      if (statements.length > 0 || !(await this.#lets(login, roles, verifiers))) {
        const verifier = pg.escapeLiteral(await scramVerifier(login.password));
        statements.push(`ALTER ROLE ${pg.escapeIdentifier(login.login)} PASSWORD ${verifier}`);
      }
      if (statements.length > 0) await changingOf(wanted.name, session, statements);
      return statements.length > 0;
    });
  }

  /** Logins of the account that are there: roles that may log in. */
  logins(account: string): Promise<readonly string[]> {
    return this.#use(async ({ client }) => loginsIn(await readRoles(client, [account]), account));
  }

  /** How many sessions these logins have. */
  sessions(logins: readonly string[]): Promise<number> {
    return this.#use(async ({ client }) => {
      const { rowCount } = await client.query('SELECT FROM pg_stat_activity WHERE usename = ANY ($1)', [logins]);
      return rowCount ?? 0;
    });
  }

  /**
   * Keeps role and schema as they are, but for nobody to use: no login, and no session that began before. False when there is
   * neither. {@link ensureLogin} opens it again, with the password of before too. Throws `data_taken` as it does.
   */
  closeRole({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    return this.#use(async (session) => {
      const roles = await readRoles(session.client, [name]);
      const found = roleIn(roles, name);
      refuseForeign({ name, owner }, found);
      await endLogins(session, name, loginsIn(roles, name));
      if (found.role_owner === owner && found.owns_schema === true && found.schema_owner !== owner)
        await changing(session, [`COMMENT ON SCHEMA ${pg.escapeIdentifier(name)} IS ${pg.escapeLiteral(owner)}`]);
      return found.role_exists || found.schema_exists;
    });
  }

  /** Ends logins of the account for good, their sessions too. What they own, against all expectation, goes to the account. */
  retireLogins(account: string, logins: readonly string[]): Promise<void> {
    return this.#use(async (session) => {
      const found = loginsIn(await readRoles(session.client, [account]), account);
      await endLogins(
        session,
        account,
        found.filter((login) => logins.includes(login)),
      );
    });
  }

  /** Drops role, logins and schema with all they hold; false when there were none. Throws `data_taken` as {@link ensureLogin} does. */
  dropRole({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    return this.#use(async (session) => {
      const there = await readRoles(session.client, [name]);
      const found = roleIn(there, name);
      const logins = slotsOf(name).filter((login) => roleIn(there, login).role_exists);
      if (!found.role_exists && !found.schema_exists && logins.length === 0) return false;
      refuseForeign({ name, owner }, found);
      const roles = [...logins, ...(found.role_exists ? [name] : [])];
      await dropAll(session, { schema: name, roles, atOnce: this.#atOnce }, (database, work) => this.#inDatabase(database, work));
      return true;
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.end(), this.#rescue.end()]);
  }

  #use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#inTurn(() => this.#useNow(work));
  }

  async #useNow<T>(work: (session: Session) => Promise<T>): Promise<T> {
    try {
      const client = await this.#pool.connect();
      // Used again only after work that went well, or found fault with what it saw: a line may have gone dead, and a transaction is rolled back by the end
      // of its session.
      let usable = false;
      try {
        const done = await work({ client, rescue: this.#rescue });
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
    const client = this.#clientAs({ user, password });
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

  async #inDatabase(database: string, work: (session: Session) => Promise<void>): Promise<void> {
    const client = this.#clientAs({ database });
    try {
      await client.connect();
      await work({ client, rescue: this.#rescue });
    } finally {
      await client.end();
    }
  }

  #clientAs(other: Pick<pg.ClientConfig, 'user' | 'password' | 'database'>): pg.Client {
    return new pg.Client({ ...clientConfig(this.#address, this.#timeouts), ...other }).on('error', () => undefined); // its statement is told anyhow
  }
}

const clientConfig = (address: PostgresAddress, { connectMs, queryMs }: Timeouts): pg.ClientConfig => {
  const { host, port, user, password, database } = address;
  return {
    ...{ host, port, user, password, database, ssl: tlsTo(address) },
    connectionTimeoutMillis: connectMs,
    statement_timeout: 60_000,
    // For a server that has stopped, or a network that forgets: neither ends a statement.
    query_timeout: queryMs,
    keepAlive: true,
    application_name: 'cloister-operator',
  };
};

function poolTo(address: PostgresAddress, timeouts: Timeouts, max: number): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(address, timeouts), max, idleTimeoutMillis: 30_000 });
  // A broken idle connection is thrown away by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  // The pool listens to idle ones alone. A statement under way is told anyhow.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Node's and OpenSSL's words for a certificate of the wrong authority, name or time. */
const isDistrust = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/.test(String(error.code));

/** Undefined to whom they are not shown. */
type Verifiers = ReadonlyMap<string, string> | undefined;

const isSuperuser = (roles: Roles): boolean => roles.values().some((role) => role.admin_is_superuser);

/** The role's mark decides. The schema's does where there is no other, or the schema is not the role's: who owns it may mark it as it likes. */
function refuseForeign({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>, found: RoleState): void {
  const marks = found.role_owner === null || found.owns_schema === false ? [found.schema_owner, found.role_owner] : [found.role_owner];
  const other = marks.find((mark) => mark !== null && mark !== owner);
  if (other !== undefined && other !== null) throw new DataError('data_taken', { name, owner: other, wanted: owner });
}
