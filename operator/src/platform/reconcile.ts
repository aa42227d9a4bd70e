import { generateIdentityKeys } from '@cloister/identity';
import { systemSecrets } from '@cloister/tenancy';
import { isConflict, type ReconcileContext, type Result } from 'kube-runtime';
import { base64, fromBase64 } from '../child.ts';
import type { Accounts } from '../data/accounts.ts';
import { edgeCommands } from '../data/redis-rules.ts';
import { secrets, type Namespace } from '../kinds.ts';
import { systemLabels } from '../labels.ts';
import type { Configuration } from '../settings.ts';

export interface PlatformParts {
  readonly configuration: Configuration;
  readonly accounts: Accounts;
}

/** Owner of what is Cloister's own in Postgres and Redis; a Tenant's is its UID. */
const owner = 'cloister';

type Context = ReconcileContext<Namespace>;

/** Each part is provided as soon as it can be: edge's identity does not wait for a database. */
export async function providePlatform(context: Context, parts: PlatformParts): Promise<Result> {
  await provideIdentity(context);
  const outcomes = await Promise.allSettled([provideDatabase(context, parts), provideRedis(context, parts)]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return { requeueAfter: parts.configuration.dataCheckSeconds * 1000 };
}

/** Made once and never again: every agent trusts these keys. */
async function provideIdentity({ cluster, name: namespace, signal, log }: Context): Promise<void> {
  const name = systemSecrets.edgeIdentity;
  if (await cluster.get(secrets, { namespace, name }, { signal })) return;
  const { privateKey, jwks } = await generateIdentityKeys();
  const data = { 'private.jwk': base64(JSON.stringify(privateKey)), 'jwks.json': base64(JSON.stringify(jwks)) };
  try {
    await cluster.create(secrets, { metadata: { name, namespace, labels: systemLabels }, type: 'Opaque', data }, { signal });
    log.info({ secret: name }, "Made edge's identity");
  } catch (error) {
    if (!isConflict(error)) throw error; // somebody made it in the meantime
  }
}

async function provideDatabase(context: Context, { accounts, configuration }: PlatformParts): Promise<void> {
  const { statementTimeoutSeconds } = configuration.postgres;
  const wanted = { name: 'cloister_egress', owner, connectionLimit: -1, statementTimeoutSeconds };
  await provideURL(context, systemSecrets.egressDatabase, (current) => accounts.database(wanted, current));
}

async function provideRedis(context: Context, { accounts }: PlatformParts): Promise<void> {
  const wanted = { name: 'cloister_edge', owner, prefix: 'edge:', commands: edgeCommands };
  await provideURL(context, systemSecrets.edgeRedis, (current) => accounts.redis(wanted, current));
}

/** The Secret is read live: one overlooked by a stale cache would get another password under the feet of those who use it. */
async function provideURL(
  { cluster, name: namespace, signal }: Context,
  name: string,
  account: (current: string | undefined) => Promise<string>,
): Promise<void> {
  const secret = await cluster.get(secrets, { namespace, name }, { signal });
  const url = await account(fromBase64(secret?.data?.['url']));
  await cluster.apply(
    secrets,
    { metadata: { name, namespace, labels: systemLabels }, type: 'Opaque', data: { url: base64(url) } },
    { signal },
  );
}
