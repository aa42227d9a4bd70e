/** What an object costs, and whether a quota can bear it. */
import { at, isRecord, recordOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { amountOf, spelt } from './quantity.ts';
import type { ServedKind } from './served-kind.ts';

export type Amounts = Readonly<Record<string, number>>;

const countedByName = new Set(['configmaps', 'persistentvolumeclaims', 'pods', 'resourcequotas', 'secrets', 'services']);

/** By the names that a quota's `hard` uses: `count/deployments.apps`, `secrets`, `requests.cpu`. */
export function charges({ kind }: ServedKind, object: StoredObject): Amounts {
  const [group = '', version] = kind.apiVersion.split('/');
  const counted = { [`count/${kind.plural}${version === undefined ? '' : `.${group}`}`]: 1 };
  const byName = version === undefined && countedByName.has(kind.plural) ? { [kind.plural]: 1 } : {};
  return { ...counted, ...byName, ...(kind.kind === 'Pod' ? podCharges(object) : {}) };
}

function podCharges(pod: StoredObject): Amounts {
  const containers = at(pod, ['spec', 'containers']);
  const sums: Record<string, number> = {};
  for (const container of Array.isArray(containers) ? containers : [])
    for (const side of ['requests', 'limits'])
      for (const [resource, text] of Object.entries(recordOf(at(container, ['resources', side]))))
        for (const name of side === 'requests' ? [`requests.${resource}`, resource] : [`limits.${resource}`])
          sums[name] = (sums[name] ?? 0) + amountOf(text);
  return sums;
}

/** What the quota's `used` becomes; undefined when the object does not concern it; why not, when it does not fit. */
export function exceeded(quota: StoredObject, costs: Amounts): Json | string | undefined {
  const wanted = Object.keys(recordOf(at(quota, ['spec', 'hard']))).filter((name) => name in costs);
  if (wanted.length === 0) return undefined;
  const hard = recordOf(at(quota, ['status', 'hard']));
  const used = recordOf(at(quota, ['status', 'used']));
  const unknown = wanted.filter((name) => !(name in hard));
  if (unknown.length > 0) return `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.join(',')}`;
  const sums = wanted.map((name) => [name, amountOf(used[name]) + (costs[name] ?? 0)] as const);
  const over = sums.filter(([name, sum]) => sum > amountOf(hard[name])).map(([name]) => name);
  if (over.length > 0) return `exceeded quota: ${quota.metadata.name}, limited: ${over.join(',')}`;
  return { ...used, ...Object.fromEntries(sums.map(([name, sum]) => [name, spelt(sum)])) };
}

export const hardOf = (quota: StoredObject): Json => recordOf(at(quota, ['spec', 'hard']));
export const isQuota = (value: unknown): value is StoredObject => isRecord(value) && value['kind'] === 'ResourceQuota';
