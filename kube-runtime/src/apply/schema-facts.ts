/**
 * What of the built-in kinds' schemas decides whether two objects say the same. The API server knows all of it; these are the parts
 * that a comparison on this side needs, so that it asks the server only when something truly differs.
 */
import type { Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { isRecord } from '../json.ts';

/** Lists merged by key: a foreign item in one of them (an injected sidecar, say) is none of our business. All others are ours as a whole. */
const keyedLists: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  secrets: ['name'],
  hostAliases: ['ip'],
  resourceClaims: ['name'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  ownerReferences: ['uid'],
  conditions: ['type'],
  webhooks: ['name'],
  matchConditions: ['name'],
};

/** How items of a list are told apart: by these fields, by being themselves (`set`), or only by position (`undefined`). */
export function listKeys(
  kind: Kind<BaseObject>,
  path: readonly string[],
  items: readonly unknown[],
): readonly string[] | 'set' | undefined {
  const own = hasListKeys(kind) ? kind.listKeys[path.join('.')] : undefined;
  if (own) return own;
  const field = path.at(-1) ?? '';
  if (field === 'finalizers' && path[0] === 'metadata') return 'set';
  if (path[0] !== 'metadata' && !isBuiltIn(kind)) return path.join('.') === 'status.conditions' ? ['type'] : undefined;
  if (field === 'ports') return portKeys(kind, items);
  if (field === 'imagePullSecrets' && kind.kind === 'ServiceAccount') return undefined; // by name in pods alone
  return keyedLists[field];
}

/** `ports` of a container or Service are merged by key; those of a NetworkPolicy or EndpointSlice are not. */
function portKeys(kind: Kind<BaseObject>, items: readonly unknown[]): readonly string[] | undefined {
  if (kind.kind === 'Service') return ['port', 'protocol'];
  return items.some((item) => isRecord(item) && 'containerPort' in item) ? ['containerPort', 'protocol'] : undefined;
}

/** What the server fills in for a key field that was left out. */
export const defaultKeyValue: Readonly<Record<string, string>> = { protocol: 'TCP' };

const quantityParents = new Set([
  'capacity',
  'default',
  'defaultRequest',
  'hard',
  'limits',
  'max',
  'maxLimitRequestRatio',
  'min',
  'overhead',
  'podFixed',
  'requests',
]);
const quantityFields = new Set(['averageValue', 'divisor', 'sizeLimit']);

/** Whether a field holds a quantity, which the server may answer in another spelling. Never in free text such as ConfigMap data. */
export function isQuantity(kind: Kind<BaseObject>, path: readonly string[]): boolean {
  if (!isBuiltIn(kind) || path[0] !== 'spec') return false;
  return quantityFields.has(path.at(-1) ?? '') || quantityParents.has(path.at(-2) ?? '');
}

const maps = new Set(['annotations', 'binaryData', 'data', 'labels', 'limits', 'matchLabels', 'nodeSelector', 'requests']);
const falseIsAbsent = new Set([
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'paused',
  'publishNotReadyAddresses',
  'readOnly',
  'stdin',
  'stdinOnce',
  'tty',
]);
const zeroIsAbsent = new Set(['initialDelaySeconds', 'minReadySeconds', 'nodePort']);

/** Whether the server drops this value because it means nothing: an absent field then equals it. */
export function meansAbsent(kind: Kind<BaseObject>, field: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0 && isBuiltIn(kind);
  if (!isBuiltIn(kind) && field !== 'labels' && field !== 'annotations') return false;
  if (isRecord(value)) return maps.has(field) && Object.keys(value).length === 0;
  return (value === false && falseIsAbsent.has(field)) || (value === 0 && zeroIsAbsent.has(field));
}

/** Hardly any kind has; then no path need be put together. */
const hasListKeys = ({ listKeys: own }: Kind<BaseObject>): boolean => {
  for (const _ in own) return true;
  return false;
};

const isBuiltIn = ({ apiVersion }: Kind<BaseObject>): boolean => {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return !group.includes('.') || group.endsWith('.k8s.io');
};
