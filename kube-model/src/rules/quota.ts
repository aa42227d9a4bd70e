/** What an object costs, and whether a quota can bear it. */
import { at, isRecord, recordOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { amountOf, spelt } from './quantity.ts';
import type { ServedKind } from './served-kind.ts';

export type Amounts = Readonly<Record<string, number>>;

/** Objects that a quota counts under the name of their kind alone as well. */
export const countedByName: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'resourcequotas',
  'secrets',
  'services',
]);

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

/**
 * What the quota's `used` becomes; undefined when the object does not concern it; why not, when it does not fit. What counts is what the quota's
 * controller has put into its status: until then it bounds nothing.
 */
export function exceeded(quota: StoredObject, costs: Amounts): Json | string | undefined {
  const hard = recordOf(at(quota, ['status', 'hard']));
  const used = recordOf(at(quota, ['status', 'used']));
  const wanted = concerns(quota, costs) ? Object.keys(hard).filter((name) => name in costs) : [];
  if (wanted.length === 0) return undefined;
  const unknown = wanted.filter((name) => !(name in used));
  if (unknown.length > 0) return `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.join(',')}`;
  const sums = wanted.map((name) => [name, amountOf(used[name]) + (costs[name] ?? 0)] as const);
  const over = sums.filter(([name, sum]) => sum > amountOf(hard[name])).map(([name]) => name);
  if (over.length > 0) return `exceeded quota: ${quota.metadata.name}, limited: ${over.join(',')}`;
  return { ...used, ...Object.fromEntries(sums.map(([name, sum]) => [name, spelt(sum)])) };
}

export const isScoped = (quota: StoredObject): boolean => {
  const scopes = at(quota, ['spec', 'scopes']);
  return Array.isArray(scopes) && scopes.length > 0;
};

/** Scopes are about pods, of which all are taken to be in scope; nothing else ever is. */
const concerns = (quota: StoredObject, costs: Amounts): boolean => 'pods' in costs || !isScoped(quota);

export const hardOf = (quota: StoredObject): Json => recordOf(at(quota, ['spec', 'hard']));
export const isQuota = (value: unknown): value is StoredObject => isRecord(value) && value['kind'] === 'ResourceQuota';
