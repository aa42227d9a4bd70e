/**
 * Postgres and Redis in memory, as far as accounts go: roles and schemas with owners, users, prefixes with owners. Stands where the real
 * administrators stand, so that the operator's own handling of accounts runs as in life. Each change is one write that a process may crash at.
 */
import type { AdminSecrets, Administrators } from '../../operator/src/data/connections.ts';
import { DataError } from '../../operator/src/data/errors.ts';
import { postgresAddress } from '../../operator/src/data/postgres-address.ts';
import { loginsOf } from '../../operator/src/data/logins.ts';
import type { RoleWanted } from '../../operator/src/data/postgres-state.ts';
import { redisURLOf } from '../../operator/src/data/redis-address.ts';
import type { RedisUser } from '../../operator/src/data/redis-rules.ts';

/** Passes a write on, or lets the process crash before or after it. */
export type Gate = <T>(what: string, change: () => T) => Promise<T>;

export class DataServersDouble {
  /** By account. */
  readonly roles = new Map<string, Omit<RoleWanted, 'name'>>();
  readonly schemas = new Map<string, { readonly owner: string }>();
  /** Postgres: login → password. */
  readonly logins = new Map<string, string>();
  /** Redis: login → user. */
  readonly users = new Map<string, RedisUser>();
  /** Redis prefix → owner. */
  readonly owners = new Map<string, string>();
  /** Whether Postgres, or Redis, cannot be reached. */
  readonly away = { postgres: false, redis: false };

  copy(): DataServersDouble {
    const copy = new DataServersDouble();
    for (const [name, role] of this.roles) copy.roles.set(name, role);
    for (const [name, schema] of this.schemas) copy.schemas.set(name, schema);
    for (const [login, password] of this.logins) copy.logins.set(login, password);
    for (const [login, user] of this.users) copy.users.set(login, user);
    for (const [prefix, owner] of this.owners) copy.owners.set(prefix, owner);
    return copy;
  }

  /** Whether somebody who has this URL gets in. */
  lets(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { protocol, username, password } = new URL(url);
    const login = decodeURIComponent(username);
    const right = protocol === 'postgres:' ? this.logins.get(login) : this.users.get(login)?.password;
    return right !== undefined && right === decodeURIComponent(password);
  }

  /** What one process of the operator sees of it. */
  administrators(gate: Gate): (secrets: AdminSecrets) => Administrators {
    return ({ namespace, postgres, redis }) => ({
      postgres: () =>
        Promise.resolve({
          address: postgresAddress(postgres.read(), { namespace, secret: postgres.name }),
          admin: this.#postgres(gate),
        }),
      redis: () => ({ address: redisURLOf(redis.read(), { namespace, secret: redis.name }), admin: this.#redis(gate) }),
      close: () => Promise.resolve(),
    });
  }

  #postgres(gate: Gate): Awaited<ReturnType<Administrators['postgres']>>['admin'] {
    const reach = async (): Promise<void> => {
      await Promise.resolve(); // nothing is answered in the turn in which it was asked
      if (this.away.postgres) throw new DataError('postgres_failed', { address: 'postgres:5432', why: 'connection refused' });
    };
    const found = (account: string) => loginsOf(account).filter((login) => this.logins.has(login));
    const end = async (account: string, logins: readonly string[]): Promise<void> => {
      if (logins.length === 0) return;
      await gate(`Postgres: end logins of ${account}`, () => {
        for (const login of logins) this.logins.delete(login);
      });
    };
    return {
      closeWalls: () => Promise.resolve(false),
      look: async (accounts) => {
        await reach();
        return accounts.map((account) => {
          const [role, schema] = [this.roles.get(account), this.schemas.get(account)];
          const passwords = new Map(found(account).map((login) => [login, this.logins.get(login)]));
          return {
            digest: JSON.stringify([role, schema, [...passwords]]),
            logins: [...passwords.keys()],
            fits: ({ wanted: { name: _, ...wanted }, login }) =>
              Promise.resolve(
                JSON.stringify(role) === JSON.stringify(wanted) &&
                  schema?.owner === wanted.owner &&
                  passwords.get(login.login) === login.password,
              ),
          };
        });
      },
      ensureLogin: async ({ name, ...wanted }, { login, password }) => {
        await reach();
        this.#refuseForeign({ name, owner: wanted.owner });
        const right = JSON.stringify(this.roles.get(name)) === JSON.stringify(wanted) && this.schemas.has(name);
        if (right && this.logins.get(login) === password) return false;
        return gate(`Postgres: login of ${name}`, () => {
          this.roles.set(name, wanted);
          this.schemas.set(name, { owner: wanted.owner });
          this.logins.set(login, password);
          return true;
        });
      },
      logins: async (account) => {
        await reach();
        return found(account);
      },
      sessions: async () => {
        await reach();
        return 0;
      },
      closeRole: async ({ name, owner }) => {
        await reach();
        this.#refuseForeign({ name, owner });
        await end(name, found(name));
        return this.roles.has(name) || this.schemas.has(name);
      },
      retireLogins: async (account, logins) => {
        await reach();
        await end(
          account,
          found(account).filter((login) => logins.includes(login)),
        );
      },
      dropRole: async ({ name, owner }) => {
        await reach();
        if (!this.roles.has(name) && !this.schemas.has(name) && found(name).length === 0) return false;
        this.#refuseForeign({ name, owner });
        return gate(`Postgres: drop ${name}`, () => {
          for (const login of found(name)) this.logins.delete(login);
          this.roles.delete(name);
          this.schemas.delete(name);
          return true;
        });
      },
      close: () => Promise.resolve(),
    };
  }

  #redis(gate: Gate): ReturnType<Administrators['redis']>['admin'] {
    const reach = async (): Promise<void> => {
      await Promise.resolve(); // nothing is answered in the turn in which it was asked
      if (this.away.redis) throw new DataError('redis_failed', { address: 'redis:6379', why: 'connection refused' });
    };
    const found = (account: string) => loginsOf(account).filter((login) => this.users.has(login));
    const end = async (logins: readonly string[]): Promise<boolean> => {
      await reach();
      const there = logins.filter((login) => this.users.has(login));
      if (there.length === 0) return false;
      return gate(`Redis: end ${there.join(', ')}`, () => {
        for (const login of there) this.users.delete(login);
        return true;
      });
    };
    return {
      look: async (accounts) => {
        await reach();
        return accounts.map(({ name, prefix }) => {
          const owner = this.owners.get(prefix);
          const users = new Map(found(name).map((login) => [login, JSON.stringify(this.users.get(login))]));
          return {
            digest: JSON.stringify([owner, [...users]]),
            logins: [...users.keys()],
            fits: ({ owner: wantedOwner, name: login, prefix: within, password, commands }) =>
              Promise.resolve(
                owner === wantedOwner && users.get(login) === JSON.stringify({ name: login, prefix: within, password, commands }),
              ),
          };
        });
      },
      ensureUser: async ({ name, prefix, password, commands }) => {
        const user = { name, prefix, password, commands };
        await reach();
        if (JSON.stringify(this.users.get(user.name)) === JSON.stringify(user)) return false;
        return gate(`Redis: user ${user.name}`, () => {
          this.users.set(user.name, user);
          return true;
        });
      },
      logins: async (account) => {
        await reach();
        return found(account);
      },
      sessions: async () => {
        await reach();
        return 0;
      },
      retireLogins: async (logins) => {
        await end(logins);
      },
      closeUser: ({ name }) => end(loginsOf(name)),
      dropUser: ({ name }) => end(loginsOf(name)),
      claimPrefix: async ({ prefix, owner }) => {
        await reach();
        if (this.owners.get(prefix) === owner) return false;
        return gate(`Redis: owner of ${prefix}`, () => {
          this.owners.set(prefix, owner);
          return true;
        });
      },
      releasePrefix: async (prefix) => {
        await reach();
        if (this.owners.has(prefix)) await gate(`Redis: nobody owns ${prefix}`, () => this.owners.delete(prefix));
      },
      close: () => undefined,
    };
  }

  #refuseForeign({ name, owner }: Pick<RoleWanted, 'name' | 'owner'>): void {
    const other = [this.schemas.get(name)?.owner, this.roles.get(name)?.owner].find((mark) => mark !== undefined && mark !== owner);
    if (other !== undefined) throw new DataError('data_taken', { name, owner: other, wanted: owner });
  }
}
