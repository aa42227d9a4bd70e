/** Administrators' connections to Postgres and Redis, opened when first needed and opened anew when their Secret changes. */
import type { Secret } from '../kinds.ts';
import { postgresAddress, type PostgresAddress } from './postgres-address.ts';
import { PostgresAdmin } from './postgres.ts';
import { redisURLOf } from './redis-address.ts';
import { RedisAdmin } from './redis.ts';

export interface AdminSecrets {
  readonly namespace: string;
  readonly postgres: { readonly name: string; readonly read: () => Secret | undefined };
  readonly redis: { readonly name: string; readonly read: () => Secret | undefined };
}

export interface Administered<Address, Admin> {
  readonly address: Address;
  readonly admin: Admin;
}

/** Who administers Postgres and Redis, and where they are: all that making accounts needs to know of them. */
export interface Administrators {
  /** Throws DataError while the Secret is missing or unfit. */
  postgres(): Promise<Administered<PostgresAddress, Pick<PostgresAdmin, keyof PostgresAdmin>>>;
  /** Throws DataError while the Secret is missing or unfit. */
  redis(): Administered<URL, Pick<RedisAdmin, keyof RedisAdmin>>;
  close(): Promise<void>;
}

interface Opened<Address, Admin> extends Administered<Address, Admin> {
  readonly fingerprint: string;
}

export class Connections implements Administrators {
  readonly #secrets: AdminSecrets;
  #postgres: Opened<PostgresAddress, PostgresAdmin> | undefined;
  #redis: Opened<URL, RedisAdmin> | undefined;

  constructor(secrets: AdminSecrets) {
    this.#secrets = secrets;
  }

  async postgres(): Promise<Opened<PostgresAddress, PostgresAdmin>> {
    const { namespace, postgres } = this.#secrets;
    const address = postgresAddress(postgres.read(), { namespace, secret: postgres.name });
    const fingerprint = JSON.stringify(address);
    if (this.#postgres?.fingerprint === fingerprint) return this.#postgres;
    const before = this.#postgres;
    const opened = { fingerprint, address, admin: new PostgresAdmin(address) };
    this.#postgres = opened;
    await before?.admin.close();
    return opened;
  }

  redis(): Opened<URL, RedisAdmin> {
    const { namespace, redis } = this.#secrets;
    const address = redisURLOf(redis.read(), { namespace, secret: redis.name });
    if (this.#redis?.fingerprint === address.href) return this.#redis;
    this.#redis?.admin.close();
    this.#redis = { fingerprint: address.href, address, admin: new RedisAdmin(address) };
    return this.#redis;
  }

  async close(): Promise<void> {
    this.#redis?.admin.close();
    await this.#postgres?.admin.close();
  }
}
