/**
 * Accounts in Postgres and Redis, and the URLs under which their holders use them.
 *
 * The URL in the holder's Secret is the source: its password is kept, and set in Postgres or Redis where it does not work there.
 * A Secret without a usable URL gets a new password. Errors: DataError.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Connections } from './connections.ts';
import { passwordIn, postgresURL } from './postgres-address.ts';
import type { RoleWanted } from './postgres-state.ts';
import { Recent } from './recent.ts';
import { redisURLFor } from './redis-address.ts';
import type { RedisUser } from './redis-rules.ts';

export interface RedisAccount extends Omit<RedisUser, 'password'> {
  /** Whose keys these are: keys of an earlier owner are deleted. */
  readonly owner: string;
}

export class Accounts {
  readonly #connections: Connections;
  readonly #recent: Recent;

  constructor(connections: Connections, checkSeconds: number) {
    this.#connections = connections;
    this.#recent = new Recent(checkSeconds);
  }

  /** The URL for the role, once it works. `ownerLives` is asked before a role is made. */
  async database(wanted: RoleWanted, current: string | undefined, ownerLives?: () => Promise<boolean>): Promise<string> {
    const password = passwordIn(current, wanted.name) ?? newPassword();
    const { address, admin } = await this.#connections.postgres();
    await this.#once(`postgres ${wanted.name}`, [address, wanted, password], async () => {
      await this.#once('postgres walls', [address], () => admin.closeWalls());
      await admin.ensureRole(wanted, password, ownerLives);
    });
    return postgresURL(address, wanted.name, password);
  }

  /** The URL for the user, once it works. */
  async redis(wanted: RedisAccount, current: string | undefined): Promise<string> {
    const password = passwordIn(current, wanted.name) ?? newPassword();
    const { address, admin } = this.#connections.redis();
    await this.#once(`redis ${wanted.name}`, [address.href, wanted, password], async () => {
      await admin.claimPrefix(wanted.prefix, wanted.owner);
      await admin.ensureUser({ ...wanted, password });
    });
    return redisURLFor(address, wanted.name, password);
  }

  /** Nobody can log in as the role any more; schema and data stay. */
  async closeDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<void> {
    const { address, admin } = await this.#connections.postgres();
    await this.#once(`postgres ${role.name}`, ['closed', address, role], () => admin.closeRole(role));
  }

  /** As {@link closeDatabase}, whatever was found a while ago. Where the data is; undefined where there is none. */
  async retainDatabase(role: Pick<RoleWanted, 'name' | 'owner'>): Promise<string | undefined> {
    this.#recent.forget(`postgres ${role.name}`);
    const { address, admin } = await this.#connections.postgres();
    const kept = await admin.closeRole(role);
    return kept ? `database "${address.database}" at ${address.host}:${address.port}` : undefined;
  }

  /** The user is gone, and its keys with it. */
  async closeRedis(user: Pick<RedisAccount, 'name' | 'prefix'>): Promise<void> {
    const { address, admin } = this.#connections.redis();
    await this.#once(`redis ${user.name}`, ['closed', address.href, user], () => admin.closeUser(user));
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

  async #once(name: string, inputs: readonly unknown[], work: () => Promise<unknown>): Promise<void> {
    const fingerprint = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
    if (this.#recent.has(name, fingerprint)) return;
    // Work that fails half-way leaves neither the state before nor the one that is wanted.
    this.#recent.forget(name);
    await work();
    this.#recent.note(name, fingerprint);
  }
}

const newPassword = (): string => randomBytes(32).toString('hex');
