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

export async function provideData(seen: TenantSnapshot, accounts: Accounts): Promise<Provided> {
  const { name, uid, databaseURL, redisURL, configuration } = seen;
  const { connectionLimit, statementTimeoutSeconds } = configuration.postgres;
  const account = { name: dataNameOf(name), owner: uid };
  const outcomes = await Promise.all([
    attempt(async () =>
      databaseSecret(name, await accounts.database({ ...account, connectionLimit, statementTimeoutSeconds }, databaseURL)),
    ),
    attempt(async () =>
      redisSecret(name, await accounts.redis({ ...account, prefix: redisPrefixOf(name), commands: tenantCommands }, redisURL)),
    ),
  ]);
  const errors = outcomes.flatMap(({ error }) => error ?? []);
  return {
    children: outcomes.flatMap(({ child }) => child ?? []),
    findings: errors.map(({ reason, message }) => ({ condition: 'DataReady', reason, message, blocks: false })),
    // What needs a person, or a Secret that is watched, is not helped by trying again.
    error: errors.find(({ reason }) => reason === 'DataUnreachable'),
  };
}

async function attempt(work: () => Promise<Child>): Promise<{ readonly child?: Child; readonly error?: DataError }> {
  try {
    return { child: await work() };
  } catch (error) {
    if (error instanceof DataError) return { error };
    throw error;
  }
}
