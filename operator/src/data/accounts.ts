/** Accounts in Postgres and Redis, on the connections of the moment. Errors: DataError. */
import { createHash } from 'node:crypto';
import type { Account } from './account.ts';
import { AccountWatch } from './account-watch.ts';
import type { Administrators } from './connections.ts';
import { DataError } from './errors.ts';
import { postgresSecret } from './postgres-address.ts';
import type { Login, LoginWanted, PostgresAdmin } from './postgres.ts';
import type { RoleWanted } from './postgres-state.ts';
import { redisURLFor } from './redis-address.ts';
import type { OwnedUser } from './redis.ts';
import type { RedisUser } from './redis-rules.ts';

export interface RedisAccount extends Omit<RedisUser, 'password'> {
  /** Whose keys these are: keys of an earlier owner are deleted. */
  readonly owner: string;
}

/** Told the names of tenants whose accounts somebody else has changed. */
export type DriftListener = (tenant: string) => void;

/** The tenant that has an account. */
export interface Holder {
  readonly tenant: string;
  /** Asked before anything is made or changed for it: whether it is there, and to stay. */
  readonly lives: () => Promise<boolean>;
}

/** Walls that the administrator may not close are tried again so often: somebody else has to close them. */
const openWallsMs = 30_000;

type RoleName = Pick<RoleWanted, 'name'>;
type UserName = Pick<RedisUser, 'name' | 'prefix'>;

export class Accounts {
  readonly #connections: Administrators;
  readonly #postgres: AccountWatch<RoleName, LoginWanted>;
  readonly #redis: AccountWatch<UserName, OwnedUser>;
  readonly #listeners = new Set<DriftListener>();
  /** What became of closing them. `until`: monotonic clock, in milliseconds. */
  readonly #walls = new WeakMap<WallCloser, { readonly closing: Promise<boolean>; until: number }>();

  /** Drift is told within `checkSeconds`. */
  constructor(connections: Administrators, checkSeconds: number) {
    this.#connections = connections;
    const common = { seconds: checkSeconds, drifted: (tenant: string) => this.#tell(tenant) };
    this.#postgres = new AccountWatch({
      ...common,
      look: async (roles) => (await connections.postgres()).admin.look(roles.map(({ name }) => name)),
    });
    this.#redis = new AccountWatch({ ...common, look: async (users) => connections.redis().admin.look(users) });
  }

  /** Begins to look for drift; {@link stop} ends it. */
  start(): void {
    this.#postgres.start();
    this.#redis.start();
  }

  stop(): void {
    this.#postgres.stop();
    this.#redis.stop();
  }

  /** Returns how to end it. */
  onDrift(listener: DriftListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Without a holder it is looked at each time. */
  database(wanted: RoleWanted, holder?: Holder): Account {
    const { name } = wanted;
    const admin = async () => (await this.#connections.postgres()).admin;
    return {
      name,
      ensure: async (login) => {
        const { address, admin: postgres } = await this.#connections.postgres();
        const open = await this.#whyOpen(postgres, holder === undefined);
        return this.#unlessBelieved(this.#postgres, { account: { name }, inputs: [address, wanted, login] }, login, {
          wanted: { wanted, login },
          holder,
          bringAbout: async () => {
            if (open) throw open;
            await this.#unlessGone(wanted, holder);
            await postgres.ensureLogin(wanted, login);
          },
        });
      },
      logins: async () => (await admin()).logins(name),
      sessions: async (logins) => (await admin()).sessions(logins),
      retire: async (logins) => {
        this.#postgres.forget(name);
        await (await admin()).retireLogins(name, logins);
      },
      content: async ({ login, password }) => postgresSecret((await this.#connections.postgres()).address, login, password),
    };
  }

  /** Without a holder it is looked at each time. */
  redis(account: RedisAccount, holder?: Holder): Account {
    const { name, prefix } = account;
    const admin = () => this.#connections.redis().admin;
    return {
      name,
      ensure: async (login) => {
        const { address, admin: redis } = this.#connections.redis();
        const wanted = { ...account, name: login.login, password: login.password };
        return this.#unlessBelieved(this.#redis, { account: { name, prefix }, inputs: [address.href, wanted] }, login, {
          wanted,
          holder,
          bringAbout: async () => {
            await this.#unlessGone(account, holder);
            await redis.claimPrefix(wanted);
            await redis.ensureUser(wanted);
          },
        });
      },
      logins: async () => admin().logins(name),
      sessions: async (logins) => admin().sessions(logins),
      retire: async (logins) => {
        this.#redis.forget(name);
        await admin().retireLogins(logins);
      },
      content: ({ login, password }) => ({ url: redisURLFor(this.#connections.redis().address, login, password) }),
    };
  }

  /** The next look at this account is a look, however short a while ago the last one was. */
  lookAgain(name: string): void {
    this.#postgres.forget(name);
    this.#redis.forget(name);
  }

  /** Nobody can log in to the account any more; schema and data stay. */
  async closeDatabase(role: Pick<RoleWanted, 'name' | 'owner'>, tenant: string): Promise<void> {
    const { address, admin } = await this.#connections.postgres();
    const belief = { account: { name: role.name }, inputs: ['closed', address, role] };
    await this.#closeUnlessBelieved(this.#postgres, belief, tenant, () => admin.closeRole(role));
  }

  /** As {@link closeDatabase}, whatever was found before. Where the data is; undefined where there is none. */
  async retainDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<string | undefined> {
    this.#postgres.forget(role.name);
    const { address, admin } = await this.#connections.postgres();
    const kept = await admin.closeRole(role);
    return kept ? `database "${address.database}" at ${address.host}:${address.port}` : undefined;
  }

  /** Every login of the account is gone, and its keys with them. */
  async closeRedis({ name, prefix }: UserName, tenant: string): Promise<void> {
    const { address, admin } = this.#connections.redis();
    const belief = { account: { name, prefix }, inputs: ['closed', address.href] };
    await this.#closeUnlessBelieved(this.#redis, belief, tenant, () => admin.closeUser({ name, prefix }));
  }

  async dropDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    this.#postgres.forget(role.name);
    const { admin } = await this.#connections.postgres();
    return admin.dropRole(role);
  }

  async dropRedis(user: UserName): Promise<boolean> {
    this.#redis.forget(user.name);
    const { admin } = this.#connections.redis();
    const dropped = await admin.dropUser(user);
    await admin.releasePrefix(user.prefix);
    return dropped;
  }

  async #unlessBelieved<A extends { readonly name: string }, W>(
    watch: AccountWatch<A, W>,
    belief: Believable<A>,
    { login }: Login,
    { wanted, holder, bringAbout }: { readonly wanted: W; readonly holder: Holder | undefined; readonly bringAbout: () => Promise<void> },
  ): Promise<readonly string[]> {
    const { account } = belief;
    const inputs = fingerprint(belief.inputs);
    if (watch.believes(account.name, inputs)) return [];
    watch.forget(account.name);
    return this.#hurryingOnError(watch, async () => {
      let found = await watch.look(account);
      if (!(await found.fits(wanted))) {
        await bringAbout();
        found = await watch.look(account);
      }
      const others = found.logins.filter((other) => other !== login);
      if (others.length === 0 && holder && (await found.fits(wanted)))
        watch.believe({ account, tenant: holder.tenant, inputs, digest: found.digest });
      return others;
    });
  }

  async #closeUnlessBelieved<A extends { readonly name: string }, W>(
    watch: AccountWatch<A, W>,
    { account, inputs: parts }: Believable<A>,
    tenant: string,
    close: () => Promise<unknown>,
  ): Promise<void> {
    const inputs = fingerprint(parts);
    if (watch.believes(account.name, inputs)) return;
    watch.forget(account.name);
    await this.#hurryingOnError(watch, async () => {
      await close();
      const { logins, digest } = await watch.look(account);
      if (logins.length === 0) watch.believe({ account, tenant, inputs, digest });
    });
  }

  /**
   * What is made for an owner who is gone is nobody's to drop, and a cache may be behind: another replica, or this one before a cut, may have
   * retired the tenant.
   */
  async #unlessGone({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>, holder: Holder | undefined): Promise<void> {
    if (holder && !(await holder.lives())) throw new DataError('owner_gone', { name, owner });
  }

  /** Where one finds the server away, others are not told that it is there any longer than it takes to look. */
  async #hurryingOnError<T>(watch: { hurry(): void }, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DataError && error.reason === 'DataUnreachable') watch.hurry();
      throw error;
    }
  }

  /**
   * Closes the walls before the first account is made on a connection, and whenever somebody looks anew. Resolves with why they stay open, if they do: a reason to
   * make nothing new behind them, but not to take from those who are there what they have. What was found counts for a while, for everybody.
   */
  async #whyOpen(admin: WallCloser, anew: boolean): Promise<DataError | undefined> {
    const known = this.#walls.get(admin);
    const seen = !anew && known && known.until > performance.now() ? known : { closing: admin.closeWalls(), until: Infinity };
    this.#walls.set(admin, seen);
    try {
      await seen.closing;
      return undefined;
    } catch (error) {
      const stand = error instanceof DataError && error.code === 'walls_open';
      if (seen.until === Infinity) seen.until = stand ? performance.now() + openWallsMs : -Infinity;
      if (stand) return error;
      throw error;
    }
  }

  #tell(tenant: string): void {
    for (const listener of this.#listeners) listener(tenant);
  }
}

type WallCloser = Pick<PostgresAdmin, 'closeWalls'>;

interface Believable<A> {
  readonly account: A;
  readonly inputs: readonly unknown[];
}

const fingerprint = (inputs: readonly unknown[]): string => createHash('sha256').update(JSON.stringify(inputs)).digest('base64url');
