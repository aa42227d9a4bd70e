import { dataNameOf, redisPrefixOf } from '@cloister/tenancy';
import { DataError } from '../../data/errors.ts';
import { bareStatus } from '../status.ts';
import type { Progress, Retirement } from '../retire.ts';

/** Everything the tenant had in Postgres and Redis. While one of them cannot be reached the Tenant stays, and its status says why. */
export async function dropData(retirement: Retirement): Promise<Progress> {
  const { tenant, context, accounts } = retirement;
  const { name, uid = '' } = tenant.metadata;
  const account = dataNameOf(name);
  try {
    const database = await accounts.dropDatabase({ name: account, owner: uid });
    const redis = await accounts.dropRedis({ name: account, prefix: redisPrefixOf(name) });
    if (!database && !redis) return {};
    return { did: { type: 'Normal', reason: 'DataDropped', message: `schema and role "${account}", Redis user and keys are gone` } };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    if (error.code === 'data_taken') return { did: { type: 'Warning', reason: 'DataKept', message: error.message } };
    const finding = { condition: 'DataReady', reason: error.reason, message: error.message, blocks: true } as const;
    await context.updateStatus(bareStatus(tenant, [finding], new Date()));
    throw error;
  }
}
