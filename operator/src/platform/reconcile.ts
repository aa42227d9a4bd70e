import { annotations, systemSecrets } from '@cloister/tenancy';
import type { ReconcileContext, Result } from 'kube-runtime';
import { encoded, versionOf } from '../child.ts';
import type { Account } from '../data/account.ts';
import type { Caches } from '../caches.ts';
import type { Accounts } from '../data/accounts.ts';
import { gatewayCommands } from '../data/redis-rules.ts';
import { secrets, type Namespace } from '../kinds.ts';
import { systemLabels } from '../labels.ts';
import { annotationsOf, credentialIn } from '../rotation/credential.ts';
import { rotate } from '../rotation/rotate.ts';
import type { Configuration } from '../settings.ts';
import { provideAuthority } from '../serving/authority.ts';
import { together } from '../together.ts';
import { provideIdentity } from './identity.ts';

export interface PlatformParts {
  readonly caches: Caches;
  readonly configuration: Configuration;
  readonly accounts: Accounts;
}

/** Owner of what is Cloister's own in Postgres and Redis; a Tenant's is its UID. */
const owner = 'cloister';

/** While an old credential waits for its last session to end. */
const rotationLookMs = 2_000;

type Context = ReconcileContext<Namespace>;

/** Each part is provided as soon as it can be: none waits for another, nor fails with it. Throws what the first of those that failed did. */
export async function providePlatform(context: Context, parts: PlatformParts): Promise<Result> {
  const [identityLookMs, authorityLookMs, ...rotating] = await together([
    provideIdentity(context, parts),
    provideAuthority(context, parts),
    provideDatabase(context, parts),
    ...redisUsers.map((user) => provideRedis(user, context, parts)),
  ]);
  const dataLookMs = rotating.includes(true) ? rotationLookMs : parts.configuration.dataCheckSeconds * 1000;
  return { requeueAfter: Math.min(dataLookMs, identityLookMs ?? Infinity, authorityLookMs ?? Infinity) };
}

async function provideDatabase(context: Context, { accounts, configuration }: PlatformParts): Promise<boolean> {
  const { statementTimeoutSeconds } = configuration.postgres;
  const account = accounts.database({ name: 'cloister_egress', owner, connectionLimit: -1, statementTimeoutSeconds });
  return provideURL(context, {
    secret: systemSecrets.egressDatabase,
    account,
    maxAgeDays: configuration.rotation.databaseDays,
    configuration,
  });
}

/** Limits are edge's, answers that may be given again egress'. */
const redisUsers = [
  { name: 'cloister_edge', prefix: 'edge:', secret: systemSecrets.edgeRedis },
  { name: 'cloister_egress', prefix: 'egress:', secret: systemSecrets.egressRedis },
] as const;

async function provideRedis(
  { name, prefix, secret }: (typeof redisUsers)[number],
  context: Context,
  { accounts, configuration }: PlatformParts,
): Promise<boolean> {
  const account = accounts.redis({ name, owner, prefix, commands: gatewayCommands });
  return provideURL(context, { secret, account, maxAgeDays: configuration.rotation.redisDays, configuration });
}

interface Wanted {
  readonly secret: string;
  readonly account: Account;
  readonly maxAgeDays: number;
  readonly configuration: Configuration;
}

/**
 * One step of the credential of edge or egress, which follow their mounted Secret without a restart. True while it is being replaced.
 * The Secret is read live: one overlooked by a stale cache would get another password under the feet of those who use it.
 */
async function provideURL(context: Context, { secret: name, account, maxAgeDays, configuration }: Wanted): Promise<boolean> {
  const { cluster, name: namespace, signal } = context;
  const secret = await cluster.get(secrets, { namespace, name }, { signal });
  const current = credentialIn(secret, account.name);
  const { settleSeconds } = configuration.rotation;
  const { content, credential, waitingFor, did } = await rotate({
    account,
    current,
    due: { maxAgeDays, holder: name, request: secret?.metadata.annotations?.[annotations.rotate] },
    now: new Date(),
    heldBy: async (logins) => {
      if (current && secondsSince(current.madeAt) < settleSeconds) return 'the mounted Secret to be followed';
      return (await account.sessions(logins)) > 0 ? 'sessions to move over' : undefined;
    },
  });
  const metadata = { name, namespace, labels: systemLabels, annotations: annotationsOf(credential) };
  await cluster.apply(secrets, { metadata, type: 'Opaque', data: encoded(content) }, { signal, basedOn: versionOf(secret) });
  if (did)
    context.log.info(
      { secret: name, login: credential.login },
      did === 'begun' ? 'A new credential is on its way' : 'The old credential is ended',
    );
  return waitingFor !== undefined || did !== undefined;
}

const secondsSince = (time: Date): number => (Date.now() - time.getTime()) / 1000;
