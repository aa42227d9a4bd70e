/**
 * Users in Redis: the logins of each tenant's account, of which a tenant has one, and two while its password is being replaced.
 *
 * Guarantees: idempotent; a look that finds everything right writes nothing; no password is sent but as its hash; a tenant never sees
 * keys of an earlier tenant of its name. Errors: {@link DataError}.
 */
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { DataError, describe } from './errors.ts';
import { loginsOf } from './logins.ts';
import { digestOf, type Look } from './look.ts';
import { aclRules, passwordHash, type RedisUser } from './redis-rules.ts';

/** The name of an account, not of one of its logins, and where its keys are. */
type AccountKeys = Pick<RedisUser, 'name' | 'prefix'>;

/** Under the name of one of its logins, and whose its keys are. */
export type OwnedUser = RedisUser & { readonly owner: string };

export class RedisAdmin {
  readonly #client: Redis;
  readonly #address: string;
  #connecting: Promise<void> | undefined;
  #fault: Error | undefined;
  /** What the server made of the rules it was given, by rules: it words some of them in its own way. */
  readonly #asStored = new Map<string, Promise<string>>();

  constructor(url: URL, { answerMs } = { answerMs: 10_000 }) {
    this.#address = url.host;
    this.#client = new Redis(url.href, {
      lazyConnect: true,
      connectTimeout: 5_000,
      // Ends the connection: on a dead line it would count as ready, and be used, until the kernel gives it up after a quarter of an hour.
      socketTimeout: answerMs,
      // For a command without an answer while others have theirs.
      commandTimeout: answerMs + 1_000,
      connectionName: 'cloister-operator',
      // Whoever needs the connection opens it, and hears at once when that fails. A client that reconnects by itself keeps commands
      // waiting meanwhile, and for ever when it is closed while it waits.
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    // Told here and nowhere else: who connects, or waits for an answer, only hears that the connection is closed.
    this.#client.on('error', (error) => (this.#fault = error));
  }

  /** What is there of these accounts, in their order: one round trip, however many they are. */
  look(accounts: readonly AccountKeys[]): Promise<readonly Look<OwnedUser>[]> {
    return this.#guard(async () => {
      const asked = this.#client.pipeline();
      for (const { name, prefix } of accounts) {
        asked.get(ownerNote(prefix));
        for (const login of loginsOf(name)) asked.call('ACL', 'GETUSER', login);
      }
      const answers = (await asked.exec()) ?? [];
      const failed = answers.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
      return accounts.map(({ name }, index) => {
        const logins = loginsOf(name);
        const from = index * (logins.length + 1);
        const [owner, ...users] = answers.slice(from, from + logins.length + 1).map(([, answer]) => answer);
        return this.#lookAt(owner, new Map(logins.map((login, at) => [login, users[at]])));
      });
    });
  }

  /** Makes the user log in with this password and reach its prefix alone. True when something had to change. */
  ensureUser(user: RedisUser): Promise<boolean> {
    return this.#guard(async () => {
      const before = await this.#getUser(user.name);
      if (before !== undefined && before === (await this.#expected(user))) return false;
      await this.#client.call('ACL', 'SETUSER', user.name, ...aclRules(user));
      await this.#save();
      return true;
    });
  }

  /** Logins of the account that are there. */
  logins(account: string): Promise<readonly string[]> {
    return this.look([{ name: account, prefix: '' }]).then(([found]) => found?.logins ?? []);
  }

  /** How many connections these logins have. */
  sessions(logins: readonly string[]): Promise<number> {
    return this.#guard(async () => {
      const clients = String(await this.#client.client('LIST')).split('\n');
      return clients.filter((line) => logins.some((login) => line.includes(` user=${login} `))).length;
    });
  }

  /** Ends logins for good, their sessions too. */
  retireLogins(logins: readonly string[]): Promise<void> {
    return this.#guard(async () => {
      if ((await this.#client.call('ACL', 'DELUSER', ...logins)) !== 0) await this.#save();
    });
  }

  /** Takes every login away, which ends its sessions, and the keys, which can be made again. False, and nothing looked for, without a login. */
  async closeUser(account: AccountKeys): Promise<boolean> {
    return (await this.logins(account.name)).length > 0 && this.dropUser(account);
  }

  /** Removes every login of the account, ends their sessions, and deletes the keys. False when there was nothing. */
  dropUser({ name, prefix }: AccountKeys): Promise<boolean> {
    return this.#guard(async () => {
      const removed = Number(await this.#client.call('ACL', 'DELUSER', ...loginsOf(name)));
      if (removed > 0) await this.#save();
      return (await this.#deleteKeys(prefix)) > 0 || removed > 0;
    });
  }

  /**
   * Notes whose keys these are. Where the note names somebody else, or nobody although there are keys, the keys go: Redis holds only what
   * can be made again, and another tenant's leavings must not be seen. But a login is made only once the note is written, so where it is there
   * with this password, a note that is missing was lost with all keys, as in a restart without a dump: what is there was written since. True when
   * something had to change.
   */
  claimPrefix({ owner, ...user }: OwnedUser): Promise<boolean> {
    return this.#guard(async () => {
      const note = ownerNote(user.prefix);
      const noted = await this.#client.get(note);
      if (noted === owner) return false;
      if (noted !== null || (await this.#getUser(user.name)) !== (await this.#expected(user))) await this.#deleteKeys(user.prefix);
      await this.#client.set(note, owner);
      return true;
    });
  }

  releasePrefix(prefix: string): Promise<void> {
    return this.#guard(async () => {
      await this.#client.del(ownerNote(prefix));
    });
  }

  close(): void {
    this.#client.disconnect();
  }

  async #connect(): Promise<void> {
    if (this.#client.status === 'ready') return;
    if (!this.#connecting) {
      this.#fault = undefined;
      this.#asStored.clear(); // it may be another version of Redis by now
      this.#connecting = this.#client.connect().finally(() => (this.#connecting = undefined));
    }
    await this.#connecting;
  }

  #lookAt(owner: unknown, users: ReadonlyMap<string, unknown>): Look<OwnedUser> {
    return {
      digest: digestOf([owner, ...users.values()]),
      logins: [...users].flatMap(([login, user]) => (user === null ? [] : login)),
      fits: async (wanted) =>
        owner === wanted.owner && asText(users.get(wanted.name)) === (await this.#guard(() => this.#expected(wanted))),
    };
  }

  async #getUser(name: string): Promise<string | undefined> {
    return asText(await this.#client.call('ACL', 'GETUSER', name));
  }

  /** How the server words this user: asked once per set of commands. */
  async #expected({ prefix, password, commands }: RedisUser): Promise<string> {
    const known = this.#asStored.get(commands) ?? this.#askSample(commands);
    this.#asStored.set(commands, known);
    try {
      return (await known).replaceAll(samplePrefix, prefix).replace(passwordHash(samplePassword), passwordHash(password));
    } catch (error) {
      this.#asStored.delete(commands);
      throw error;
    }
  }

  /** Makes a user with these commands whose password nobody has, looks at it, and removes it. */
  async #askSample(commands: string): Promise<string> {
    const name = `cloister_sample_${passwordHash(commands).slice(0, 12)}`;
    await this.#client.call('ACL', 'SETUSER', name, ...aclRules({ name, prefix: samplePrefix, password: samplePassword, commands }));
    const stored = await this.#getUser(name);
    await this.#client.call('ACL', 'DELUSER', name);
    return stored ?? '';
  }

  /** Writes the ACL file where the server has one; without it users live until the server restarts, and are made again then. */
  async #save(): Promise<void> {
    try {
      await this.#client.call('ACL', 'SAVE');
    } catch (error) {
      if (!(error instanceof Error && /not configured to use an ACL file/i.test(error.message))) throw error;
    }
  }

  async #deleteKeys(prefix: string): Promise<number> {
    let cursor = '0';
    let deleted = 0;
    do {
      const [next, keys] = await this.#client.scan(cursor, 'MATCH', `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`, 'COUNT', 1000);
      if (keys.length > 0) deleted += await this.#client.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
    return deleted;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#connect();
      return await work();
    } catch (failure) {
      const error = this.#client.status === 'ready' ? failure : (this.#fault ?? failure);
      throw new DataError('redis_failed', { address: this.#address, why: describe(error) }, { cause: error });
    }
  }
}

/** Where it is noted whose keys these are. */
const ownerNote = (prefix: string): string => `cloister:owner:${prefix}`;

const asText = (user: unknown): string | undefined => (user === null || user === undefined ? undefined : JSON.stringify(user));

const samplePrefix = 'cloister-sample:';
const samplePassword = randomBytes(32).toString('hex');
