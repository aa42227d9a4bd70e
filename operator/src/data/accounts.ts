/** Accounts in Postgres and Redis, on the connections of the moment. Errors: DataError. */
import { createHash } from 'node:crypto';
import type { Account } from './account.ts';
import type { Administrators } from './connections.ts';
import { DataError } from './errors.ts';
import { postgresURL } from './postgres-address.ts';
import type { Login } from './postgres.ts';
import type { RoleWanted } from './postgres-state.ts';
import { Recent } from './recent.ts';
import { redisURLFor } from './redis-address.ts';
import type { RedisUser } from './redis-rules.ts';

export interface RedisAccount extends Omit<RedisUser, 'password'> {
  /** Whose keys these are: keys of an earlier owner are deleted. */
  readonly owner: string;
}

export class Accounts {
  readonly #connections: Administrators;
  readonly #recent: Recent;

  constructor(connections: Administrators, checkSeconds: number) {
    this.#connections = connections;
    this.#recent = new Recent(checkSeconds);
  }

  /** `ownerLives` is asked before a role is made. */
  database(wanted: RoleWanted, ownerLives?: () => Promise<boolean>): Account {
    const { name } = wanted;
    const admin = async () => (await this.#connections.postgres()).admin;
    return {
      name,
      ensure: async (login) => {
        const { address, admin: postgres } = await this.#connections.postgres();
        return this.#unlessRecent(`postgres ${name}`, [address, wanted, login], async () => {
          await this.#unlessRecent('postgres walls', [address], async () => {
            await postgres.closeWalls();
            return [];
          });
          await postgres.ensureLogin(wanted, login, ownerLives);
          return othersThan(login, await postgres.logins(name));
        });
      },
      logins: async () => (await admin()).logins(name),
      sessions: async (logins) => (await admin()).sessions(logins),
      retire: async (logins) => (await admin()).retireLogins(name, logins),
      url: async ({ login, password }) => postgresURL((await this.#connections.postgres()).address, login, password),
    };
  }

  redis(wanted: RedisAccount): Account {
    const { name } = wanted;
    const admin = () => this.#connections.redis().admin;
    return {
      name,
      ensure: async (login) => {
        const { address, admin: redis } = this.#connections.redis();
        return this.#unlessRecent(`redis ${name}`, [address.href, wanted, login], async () => {
          await redis.claimPrefix(wanted.prefix, wanted.owner);
          await redis.ensureUser({ ...wanted, name: login.login, password: login.password });
          return othersThan(login, await redis.logins(name));
        });
      },
      logins: async () => admin().logins(name),
      sessions: async (logins) => admin().sessions(logins),
      retire: async (logins) => admin().retireLogins(logins),
      url: ({ login, password }) => redisURLFor(this.#connections.redis().address, login, password),
    };
  }

  /** The next look at this account is a look, however short a while ago the last one was. */
  lookAgain(name: string): void {
    this.#recent.forget(`postgres ${name}`);
    this.#recent.forget(`redis ${name}`);
  }

  /** Nobody can log in to the account any more; schema and data stay. */
  async closeDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<void> {
    const { address, admin } = await this.#connections.postgres();
    await this.#unlessRecent(`postgres ${role.name}`, ['closed', address, role], () => admin.closeRole(role).then(() => []));
  }

  /** As {@link closeDatabase}, whatever was found a while ago. Where the data is; undefined where there is none. */
  async retainDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<string | undefined> {
    this.#recent.forget(`postgres ${role.name}`);
    const { address, admin } = await this.#connections.postgres();
    const kept = await admin.closeRole(role);
    return kept ? `database "${address.database}" at ${address.host}:${address.port}` : undefined;
  }

  /** Every login of the account is gone, and its keys with them. */
  async closeRedis(user: Pick<RedisAccount, 'name' | 'prefix'>): Promise<void> {
    const { address, admin } = this.#connections.redis();
    await this.#unlessRecent(`redis ${user.name}`, ['closed', address.href, user], () => admin.closeUser(user).then(() => []));
  }

  async dropDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<boolean> {
    this.#recent.forget(`postgres ${role.name}`);
    const { admin } = await this.#connections.postgres();
    return admin.dropRole(role);
  }

  async dropRedis(user: Pick<RedisUser, 'name' | 'prefix'>): Promise<boolean> {
    this.#recent.forget(`redis ${user.name}`);
    const { admin } = this.#connections.redis();
    const dropped = await admin.dropUser(user);
    await admin.releasePrefix(user.prefix);
    return dropped;
  }

  /** What was found in order, with nothing left to do, is believed for a while. */
  async #unlessRecent(name: string, inputs: readonly unknown[], look: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const fingerprint = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
    if (this.#recent.has(name, fingerprint)) return [];
    // Work that fails half-way leaves neither the state before nor the one that is wanted.
    this.#recent.forget(name);
    const left = await look().catch((error: unknown) => {
      // What was away may come back as something else, from a backup for example.
      if (error instanceof DataError && error.reason === 'DataUnreachable') this.#recent.forgetAll();
      throw error;
    });
    if (left.length === 0) this.#recent.note(name, fingerprint);
    return left;
  }
}

const othersThan = ({ login }: Login, found: readonly string[]): string[] => found.filter((other) => other !== login);
