import { issuedKeyObjectName, type KnownKey } from '@cloister/tenancy';
import type { IssuedKeys } from '../../directory/directory.ts';
import { isGone, type Documents } from '../../directory/is-gone.ts';
import type { KeyReports } from './key-reports.ts';

/** Where keys stand, and what was read there. */
export interface KeysKnown extends Documents {
  readonly keys: IssuedKeys;
  readonly namespace: string;
}

/** Of the keys that egress takes to be there, tells of those that went while no replica looked. Rejects where the API server cannot say. */
export async function tellGoneKeys(
  reports: Pick<KeyReports, 'tellGone'>,
  known: readonly KnownKey[],
  { keys, namespace, ...documents }: KeysKnown,
): Promise<void> {
  for (const { tenant, tenantUid, id } of known) {
    const at = { name: issuedKeyObjectName(tenant, id), namespace };
    if (await isGone({ at, tenantUid }, documents, keys.byId(tenant, id))) reports.tellGone({ tenant, tenantUid, id });
  }
}
