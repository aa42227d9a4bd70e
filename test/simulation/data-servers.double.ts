/**
 * Postgres and Redis in memory, as far as accounts go: roles and schemas with owners, users, prefixes with owners. Stands where the real
 * administrators stand, so that the operator's own handling of accounts runs as in life. Each change is one write that a process may crash at.
 */
import type { AdminSecrets, Administrators } from '../../operator/src/data/connections.ts';
import { DataError } from '../../operator/src/data/errors.ts';
import { postgresAddress } from '../../operator/src/data/postgres-address.ts';
import type { RoleWanted } from '../../operator/src/data/postgres-state.ts';
import { redisURLOf } from '../../operator/src/data/redis-address.ts';
import type { RedisUser } from '../../operator/src/data/redis-rules.ts';

interface Role extends Omit<RoleWanted, 'name'> {
  readonly password: string;
  readonly login: boolean;
}

/** Passes a write on, or lets the process crash before or after it. */
export type Gate = <T>(what: string, change: () => T) => Promise<T>;

export class DataServersDouble {
  readonly roles = new Map<string, Role>();
  readonly schemas = new Map<string, { readonly owner: string }>();
  readonly users = new Map<string, RedisUser>();
  /** Redis prefix → owner. */
  readonly owners = new Map<string, string>();
  /** Whether Postgres, or Redis, cannot be reached. */
  readonly away = { postgres: false, redis: false };

  copy(): DataServersDouble {
    const copy = new DataServersDouble();
    for (const [name, role] of this.roles) copy.roles.set(name, role);
    for (const [name, schema] of this.schemas) copy.schemas.set(name, schema);
    for (const [name, user] of this.users) copy.users.set(name, user);
    for (const [prefix, owner] of this.owners) copy.owners.set(prefix, owner);
    return copy;
  }

  /** Whether somebody who has this URL gets in. */
  lets(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { protocol, username, password } = new URL(url);
    if (protocol !== 'postgres:') return this.users.get(username)?.password === password;
    const role = this.roles.get(username);
    return role?.login === true && role.password === password;
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
    const reach = (): void => {
      if (this.away.postgres) throw new DataError('postgres_failed', { address: 'postgres:5432', why: 'connection refused' });
    };
    return {
      closeWalls: () => Promise.resolve(false),
      ensureRole: async (wanted, password) => {
        await turn();
        reach();
        this.#refuseForeign(wanted);
        const { name, ...role } = wanted;
        const before = this.roles.get(name);
        const wish = { ...role, password, login: true };
        if (JSON.stringify(before) === JSON.stringify(wish) && this.schemas.has(name)) return false;
        return gate(`Postgres: role ${name}`, () => {
          this.roles.set(name, wish);
          this.schemas.set(name, { owner: role.owner });
          return true;
        });
      },
      closeRole: async ({ name, owner }) => {
        await turn();
        reach();
        const role = this.roles.get(name);
        if (!role && !this.schemas.has(name)) return false;
        this.#refuseForeign({ name, owner });
        if (role?.login) await gate(`Postgres: close ${name}`, () => this.roles.set(name, { ...role, login: false }));
        return true;
      },
      dropRole: async ({ name, owner }) => {
        await turn();
        reach();
        if (!this.roles.has(name) && !this.schemas.has(name)) return false;
        this.#refuseForeign({ name, owner });
        return gate(`Postgres: drop ${name}`, () => {
          this.roles.delete(name);
          this.schemas.delete(name);
          return true;
        });
      },
      close: () => Promise.resolve(),
    };
  }

  #redis(gate: Gate): ReturnType<Administrators['redis']>['admin'] {
    const drop = async ({ name }: Pick<RedisUser, 'name'>): Promise<boolean> => {
      await turn();
      reach();
      return this.users.has(name) && gate(`Redis: drop ${name}`, () => this.users.delete(name));
    };
    const reach = (): void => {
      if (this.away.redis) throw new DataError('redis_failed', { address: 'redis:6379', why: 'connection refused' });
    };
    return {
      ensureUser: async (user) => {
        await turn();
        reach();
        if (JSON.stringify(this.users.get(user.name)) === JSON.stringify(user)) return false;
        return gate(`Redis: user ${user.name}`, () => {
          this.users.set(user.name, user);
          return true;
        });
      },
      dropUser: drop,
      closeUser: drop,
      claimPrefix: async (prefix, owner) => {
        await turn();
        reach();
        if (this.owners.get(prefix) === owner) return false;
        return gate(`Redis: owner of ${prefix}`, () => {
          this.owners.set(prefix, owner);
          return true;
        });
      },
      releasePrefix: async (prefix) => {
        await turn();
        reach();
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

/** Nothing is answered in the turn in which it was asked. */
const turn = (): Promise<void> => Promise.resolve();
