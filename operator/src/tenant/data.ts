/** The tenant's accounts in Postgres and Redis, and the Secrets that hold them. */
import { annotations, dataNameOf, redisPrefixOf, tenantSecrets } from '@cloister/tenancy';
import type { EventNote, ReconcileContext } from 'kube-runtime';
import type { CredentialStatus } from '../api/tenant.ts';
import type { Child } from '../child.ts';
import type { Account } from '../data/account.ts';
import type { Accounts } from '../data/accounts.ts';
import { DataError } from '../data/errors.ts';
import { tenantCommands } from '../data/redis-rules.ts';
import type { Secret, Tenant } from '../kinds.ts';
import { credentialIn } from '../rotation/credential.ts';
import { holdersOf } from '../rotation/holders.ts';
import { rotate, type Rotation } from '../rotation/rotate.ts';
import { together } from '../together.ts';
import type { Outcome } from './apply.ts';
import { credentialSecret } from './children/secrets.ts';
import type { TenantSnapshot } from './observe.ts';

export interface Provided extends Outcome {
  /** A Secret comes after its account works, so that no pod starts with a password that does not. */
  readonly children: readonly Child[];
  readonly credentials: Readonly<Partial<Record<CredentialName, CredentialStatus>>>;
  readonly notes: readonly EventNote[];
  /** A credential is being replaced: what it waits for is looked at again soon. */
  readonly rotating: boolean;
}

type CredentialName = 'database' | 'redis';

/** `lives` asks the API server itself, not a cache, whether the Tenant is there and stays. */
export async function provideData(
  context: ReconcileContext<Tenant>,
  seen: TenantSnapshot,
  { accounts, lives }: { readonly accounts: Accounts; readonly lives: () => Promise<boolean> },
): Promise<Provided> {
  const { name, uid, configuration, databaseSecret, redisSecret } = seen;
  const { postgres, rotation } = configuration;
  const owned = { name: dataNameOf(name), owner: uid };
  if (isEdited(seen)) accounts.lookAgain(owned.name);
  if (seen.spec.state === 'Archived') return closeData(owned, seen, accounts);
  const database = accounts.database({ ...owned, ...limitsOf(postgres) }, { tenant: name, lives });
  const redis = accounts.redis({ ...owned, prefix: redisPrefixOf(name), commands: tenantCommands }, { tenant: name, lives });
  const bring = (which: CredentialName, account: Account, secret: Secret | undefined, maxAgeDays: number) =>
    rotate({
      account,
      current: credentialIn(secret, account.name),
      due: { maxAgeDays, holder: uid, request: seen.tenant.metadata.annotations?.[annotations.rotate] },
      now: new Date(),
      heldBy: (logins) => holdersOf({ tenant: name, secret: which, logins }, context),
    });
  const outcomes = await together([
    attempt('database', () => bring('database', database, databaseSecret, rotation.databaseDays)),
    attempt('redis', () => bring('redis', redis, redisSecret, rotation.redisDays)),
  ]);
  return told(seen, outcomes);
}

/** Whoever edits a tenant is told how its data is now, not how it was minutes ago. */
const isEdited = ({ tenant: { metadata, status } }: TenantSnapshot): boolean => status?.observedGeneration !== metadata.generation;

/** Nobody can log in any more. The Secrets stay as they are: their passwords work again when the tenant is Active again. */
async function closeData(account: { name: string; owner: string }, seen: TenantSnapshot, accounts: Accounts): Promise<Provided> {
  const outcomes = await together([
    attempt('database', () => accounts.closeDatabase(account, seen.name).then(() => undefined)),
    attempt('redis', () => accounts.closeRedis({ name: account.name, prefix: redisPrefixOf(seen.name) }, seen.name).then(() => undefined)),
  ]);
  return told(seen, outcomes);
}

function told({ name: tenant, databaseSecret, redisSecret }: TenantSnapshot, outcomes: readonly Attempt[]): Provided {
  const before = { database: databaseSecret, redis: redisSecret };
  const errors = outcomes.flatMap(({ error }) => error ?? []);
  const done = outcomes.flatMap(({ name: which, rotation: one }) => (one ? { which, ...one } : []));
  return {
    children: done.map((one) => credentialSecret(tenant, tenantSecrets[one.which], one, before[one.which])),
    credentials: Object.fromEntries(done.map((one) => [one.which, statusOf(one)])),
    notes: done.flatMap((one) => noteOf(one.which, one) ?? []),
    rotating: done.some(({ waitingFor, did }) => waitingFor !== undefined || did !== undefined),
    findings: errors.map(({ reason, message }) => ({ condition: 'DataReady', reason, message, blocks: false })),
    // What needs a person, or a Secret that is watched, is not helped by trying again.
    error: errors.find(({ reason }) => reason === 'DataUnreachable'),
  };
}

const limitsOf = ({ connectionLimit, statementTimeoutSeconds }: TenantSnapshot['configuration']['postgres']) => ({
  connectionLimit,
  statementTimeoutSeconds,
});

const statusOf = ({ credential: { madeAt, request }, waitingFor }: Rotation): CredentialStatus => ({
  since: madeAt.toISOString(),
  madeFor: request,
  waitingFor,
});

function noteOf(which: CredentialName, { did }: Rotation): EventNote | undefined {
  if (did === 'begun')
    return { type: 'Normal', reason: 'CredentialsRotating', message: `a new ${which} credential works; agents are restarted with it` };
  if (did === 'ended') return { type: 'Normal', reason: 'CredentialsRotated', message: `the ${which} credential before is ended` };
  return undefined;
}

interface Attempt {
  readonly name: CredentialName;
  readonly rotation?: Rotation | undefined;
  readonly error?: DataError;
}

async function attempt(name: CredentialName, work: () => Promise<Rotation | undefined>): Promise<Attempt> {
  try {
    return { name, rotation: await work() };
  } catch (error) {
    if (error instanceof DataError) return { name, error };
    throw error;
  }
}
