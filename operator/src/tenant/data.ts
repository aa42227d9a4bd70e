/** The tenant's accounts in Postgres and Redis, and the Secrets that hold them. */
import { dataNameOf, redisPrefixOf } from '@cloister/tenancy';
import type { Child } from '../child.ts';
import type { Accounts } from '../data/accounts.ts';
import { DataError } from '../data/errors.ts';
import { tenantCommands } from '../data/redis-rules.ts';
import type { Outcome } from './apply.ts';
import { databaseSecret, redisSecret } from './children/secrets.ts';
import type { TenantSnapshot } from './observe.ts';

export interface Provided extends Outcome {
  /** A Secret comes after its account works, so that no pod starts with a password that does not. */
  readonly children: readonly Child[];
}

/** `lives` asks the API server itself, not a cache, whether the Tenant is there and stays. */
export async function provideData(seen: TenantSnapshot, accounts: Accounts, lives: () => Promise<boolean>): Promise<Provided> {
  const { name, uid, databaseURL, redisURL, configuration } = seen;
  const { connectionLimit, statementTimeoutSeconds } = configuration.postgres;
  const account = { name: dataNameOf(name), owner: uid };
  if (seen.spec.state === 'Archived') return closeData(account, seen, accounts);
  const database = await attempt(async () =>
    databaseSecret(name, await accounts.database({ ...account, connectionLimit, statementTimeoutSeconds }, databaseURL, lives)),
  );
  // After the database, which knows whether there is still a Tenant to make anything for.
  const redis = await attempt(async () => {
    if (database.error?.code === 'owner_gone') throw database.error;
    return redisSecret(name, await accounts.redis({ ...account, prefix: redisPrefixOf(name), commands: tenantCommands }, redisURL));
  });
  return told([database, redis]);
}

/** Nobody can log in any more. The Secrets stay as they are: their passwords work again when the tenant is Active again. */
async function closeData(account: { name: string; owner: string }, { name }: TenantSnapshot, accounts: Accounts): Promise<Provided> {
  const outcomes = await Promise.all([
    attempt(() => accounts.closeDatabase(account).then(() => undefined)),
    attempt(() => accounts.closeRedis({ name: account.name, prefix: redisPrefixOf(name) }).then(() => undefined)),
  ]);
  return told(outcomes);
}

function told(outcomes: readonly Attempt[]): Provided {
  const errors = outcomes.flatMap(({ error }) => error ?? []);
  return {
    children: outcomes.flatMap(({ child }) => child ?? []),
    findings: errors.map(({ reason, message }) => ({ condition: 'DataReady', reason, message, blocks: false })),
    // What needs a person, or a Secret that is watched, is not helped by trying again.
    error: errors.find(({ reason }) => reason === 'DataUnreachable'),
  };
}

interface Attempt {
  readonly child?: Child | undefined;
  readonly error?: DataError;
}

async function attempt(work: () => Promise<Child | undefined>): Promise<Attempt> {
  try {
    return { child: await work() };
  } catch (error) {
    if (error instanceof DataError) return { error };
    throw error;
  }
}
