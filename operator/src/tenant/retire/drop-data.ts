import { dataNameOf, redisPrefixOf } from '@cloister/tenancy';
import type { EventNote } from 'kube-runtime';
import { DataError } from '../../data/errors.ts';
import type { Tenant } from '../../kinds.ts';
import { bareStatus } from '../status.ts';
import type { Progress, Retirement } from '../retire.ts';
import { ownNamespace } from './own-namespace.ts';

/** Everything the tenant had in Postgres and Redis. While one of them cannot be reached the Tenant stays, and its status says why. */
export async function dropData(retirement: Retirement): Promise<Progress> {
  const { tenant, context, accounts } = retirement;
  const { name } = tenant.metadata;
  try {
    const retained = retains(tenant) ? await retain(retirement) : undefined;
    const database = retains(tenant) ? false : await accounts.dropDatabase(accountOf(tenant));
    const redis = await accounts.dropRedis({ name: dataNameOf(name), prefix: redisPrefixOf(name) });
    if (retained) return { did: retained };
    if (!database && !redis) return {};
    const message = `schema and role "${dataNameOf(name)}", Redis user and keys are gone`;
    return { did: { type: 'Normal', reason: 'DataDropped', message } };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    if (error.code === 'data_taken') return { did: { type: 'Warning', reason: 'DataKept', message: error.message } };
    const finding = { condition: 'DataReady', reason: error.reason, message: error.message, blocks: true } as const;
    await context.updateStatus(bareStatus(tenant, [finding], new Date()));
    throw error;
  }
}

/** Read by itself: a spec that no longer fits its schema must not cost the data. */
const retains = ({ spec }: Tenant): boolean =>
  typeof spec === 'object' && spec !== null && 'deletionPolicy' in spec && spec.deletionPolicy === 'Retain';

const accountOf = ({ metadata: { name, uid = '' } }: Tenant) => ({ name: dataNameOf(name), owner: uid });

/**
 * Closes role and schema, which bear the Tenant's UID as comment. Told as long as the namespace is not on its way out, so that a crash
 * before the Event leads to another one, and waiting for the namespace does not repeat it.
 */
async function retain(retirement: Retirement): Promise<EventNote | undefined> {
  const { tenant, accounts } = retirement;
  const { name, owner } = accountOf(tenant);
  const where = await accounts.retainDatabase({ name, owner });
  if (where === undefined) return undefined;
  const namespace = await ownNamespace(retirement);
  if (!namespace || namespace.metadata.deletionTimestamp) return undefined;
  const message = `schema and role "${name}" stay in ${where}, closed to everybody and marked with uid ${owner}; Redis user and keys are gone`;
  return { type: 'Normal', reason: 'DataRetained', message };
}
