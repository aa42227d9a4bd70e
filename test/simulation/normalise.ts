/**
 * The state of the world as it is compared: without what differs between any two runs that did the same (versions, UIDs, times), and with
 * what is random replaced by what it is for. A placeholder is given only where the random value is right: an API key is "the key of acme"
 * only if it is one, a hash is its hash only if it is, a URL "works" only if its password does. So a wrong value shows as a difference.
 */
import { readCertificate, readPair } from '@cloister/certificates';
import { hashApiKey, parseApiKey } from '@cloister/identity';
import {
  agentHost,
  annotations,
  authoritiesKey,
  documentKey,
  edgeKeys,
  labels,
  namespaces,
  systemConfigMaps,
  systemSecrets,
  tenantSecrets,
} from '@cloister/tenancy';
import type { StoredObject } from 'kube-model';
import { fromBase64 } from '../../operator/src/child.ts';
import { loginsOf } from '../../operator/src/data/logins.ts';
import { secrets } from '../../operator/src/kinds.ts';
import { credentialsOf, urlIn } from '../../operator/src/rotation/holders.ts';
import { trustedIn } from '../../operator/src/serving/authority-secret.ts';
import { revisionLabel } from '../../operator/src/agent/children/deployment.ts';
import { isRecord } from './json.ts';
import type { World } from './world.ts';

/** `Kind namespace/name` → what it says, as text with one field a line. */
export type State = ReadonlyMap<string, string>;

const labelOf = ({ kind, metadata }: StoredObject): string =>
  `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;

const ignoredKinds = new Set(['Event', 'Lease', 'Pod']);
const ignored = (object: StoredObject): boolean =>
  ignoredKinds.has(object.kind) ||
  object.metadata.name === 'kube-root-ca.crt' ||
  (object.kind === 'ServiceAccount' && object.metadata.name === 'default');

export function stateOf(world: World): State {
  const objects = world.server.objects();
  const words = new Map([...uidsOf(objects), ...secretsOf(world, objects), ...hashesOf(objects)]);
  const places = placesOf(objects);
  const state = new Map<string, string>();
  for (const object of objects) {
    if (ignored(object)) continue;
    const text = textOf(object).replace(/^ "revision": \d+/m, () => ` "place": ${places.get(object)}`);
    state.set(reworded(labelOf(object), words), reworded(text, words));
  }
  const { roles, schemas, owners, logins, users } = world.data;
  for (const [what, map] of Object.entries({ roles, schemas, owners }))
    for (const [name, value] of map) state.set(`${what} ${name}`, reworded(JSON.stringify(value, undefined, 1), words));
  // which of its two logins an account uses does not matter, but that it has no more of them does
  for (const account of roles.keys()) {
    const [inPostgres, inRedis] = [logins, users].map((map) => loginsOf(account).filter((login) => map.has(login)).length);
    state.set(`logins of ${account}`, `${inPostgres ?? 0} in Postgres, ${inRedis ?? 0} in Redis`);
  }
  return state;
}

/** Of the revisions of a class, from the eldest: their numbers grow with each change of mind, of which two operators at once may have more than one. */
function placesOf(objects: readonly StoredObject[]): ReadonlyMap<StoredObject, number> {
  const revisions = objects.filter(({ kind }) => kind === 'ControllerRevision');
  const classes = Map.groupBy(revisions, ({ metadata }) => metadata.labels?.[labels.tenantClass]);
  const before = (one: StoredObject) => (other: StoredObject) => Number(other['revision']) < Number(one['revision']);
  return new Map([...classes.values()].flatMap((of) => of.map((one) => [one, of.filter(before(one)).length + 1] as const)));
}

const uidsOf = (objects: readonly StoredObject[]): [string, string][] =>
  objects.map((object) => [object.metadata.uid ?? '', `<uid of ${labelOf(object)}>`]);

/** Values that are random and right. */
function secretsOf(world: World, objects: readonly StoredObject[]): [string, string][] {
  const words: [string, string][] = [];
  for (const object of objects.filter(({ kind }) => kind === 'Secret')) {
    const { name, namespace = '' } = object.metadata;
    for (const [key, encoded] of Object.entries(dataOf(object))) {
      const value = fromBase64(encoded) ?? '';
      if (key === 'url' && world.data.lets(value))
        words.push([encoded, `<a URL that works for ${accountOf(value)}>`], [passwordOf(value), '<the password>']);
      const parsed = parseApiKey(value);
      if (key === 'key' && parsed && namespace === `tenant-${parsed.tenant}`)
        words.push([encoded, `<${name}>`], [hashApiKey(value), `<hash of ${name}>`], [parsed.id, `<id of ${name}>`]);
      words.push(...certificatesOf(objects, { name, namespace, key, value }).map((word): [string, string] => [encoded, word]));
      if (name === 'edge-identity') words.push([encoded, `<${key}>`], ...(key === 'jwks.json' ? edgeKeysIn(value) : []));
    }
  }
  return words;
}

/** Of a Secret that holds such: what it is for, if it is right. */
function certificatesOf(
  objects: readonly StoredObject[],
  { name, namespace, key, value }: Readonly<Record<'name' | 'namespace' | 'key' | 'value', string>>,
): string[] {
  if (name === tenantSecrets.serving && isServed(objects, namespace, value)) return [`<a certificate for ${namespace}>`];
  if (name !== systemSecrets.agentsAuthority) return [];
  return [key === 'trusted.pem' ? `<${trustedIn(value, new Date()).length} trusted>` : `<${key}>`];
}

/** Whether edge would trust an agent that shows it. */
function isServed(objects: readonly StoredObject[], namespace: string, text: string): boolean {
  const trust = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === systemConfigMaps.agentsTrust);
  const shown = readCertificate(readPair(text)?.certificate);
  if (!shown || shown.checkHost(agentHost(namespace.replace(/^tenant-/, ''), 'any')) === undefined) return false;
  const authorities = trustedIn(dataOf(trust)[authoritiesKey], new Date()).flatMap((one) => readCertificate(one) ?? []);
  return authorities.some((authority) => shown.verify(authority.publicKey));
}

/** As they stand in the tenants' ConfigMaps. */
const edgeKeysIn = (text: string): [string, string][] =>
  edgeKeys.parse(JSON.parse(text)).keys.flatMap(({ kid, x }): [string, string][] => [
    [kid, '<kid of edge>'],
    [x, '<key of edge>'],
  ]);

const accountOf = (url: string): string => decodeURIComponent(new URL(url).username).replace(/\$[ab]$/, '');
const passwordOf = (url: string): string => decodeURIComponent(new URL(url).password);

const dataOf = (object: StoredObject | undefined): Record<string, string> => {
  const data = object?.['data'];
  if (!isRecord(data)) return {};
  return Object.fromEntries(Object.entries(data).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])));
};

/** Hashes that hold something random, where they are what they should be. */
function hashesOf(objects: readonly StoredObject[]): [string, string][] {
  const secret = (namespace: string, name: string) => {
    const found = objects.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === name && metadata.namespace === namespace);
    return found && secrets.accept(found);
  };
  return objects
    .filter(({ kind, metadata }) => kind === 'Deployment' && metadata.labels?.[labels.agent] !== undefined)
    .flatMap((deployment): [string, string][] => {
      const { namespace = '', name } = deployment.metadata;
      const credentials = credentialsOf(urlIn(secret(namespace, tenantSecrets.database)), urlIn(secret(namespace, tenantSecrets.redis)));
      const revision = deployment.metadata.labels?.[revisionLabel] ?? 'none';
      return [
        [credentials, '<credentials>'],
        [revision, `<revision of ${namespace}/${name}>`],
      ];
    });
}

function reworded(text: string, words: ReadonlyMap<string, string>): string {
  const parts = text.split(/((?<=\\")[A-Za-z0-9_-]{43}(?=\\")|[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9+/]{40,}={0,2}|[0-9a-f]{10,64})/);
  return parts
    .map((part, index) => (index % 2 === 0 ? part : (words.get(part) ?? (/^0{8}-/.test(part) ? '<uid of nobody>' : part))))
    .join('');
}

const dropped = new Set([
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'lastTransitionTime',
  'clusterIP',
  'clusterIPs',
  'deletionTimestamp',
  'since',
  'classRevisionTime',
  annotations.madeAt,
  annotations.nextMadeAt,
]);

/** What is stored never changes, and most of it is seen by many runs. */
const texts = new WeakMap<StoredObject, string>();

function textOf(object: StoredObject): string {
  const known = texts.get(object) ?? printed(object);
  texts.set(object, known);
  return known;
}

function printed(object: StoredObject): string {
  const { generation } = object.metadata;
  return JSON.stringify(
    opened(object),
    (key, value: unknown) => {
      if (dropped.has(key) || key.startsWith('kube-runtime.dev/fields-of-')) return undefined;
      if (key === 'observedGeneration') return value === generation ? 'current' : value;
      return sorted(value);
    },
    1,
  );
}

/** Documents of the namespaces of access and of own keys are JSON in base64; certificates are counted. */
function opened(object: StoredObject): object {
  if (object.kind === 'ConfigMap' && object.metadata.name === systemConfigMaps.agentsTrust)
    return { ...object, data: `${trustedIn(dataOf(object)[authoritiesKey], new Date()).length} certificates` };
  const documents: readonly string[] = [namespaces.access, namespaces.ownKeys];
  if (object.kind !== 'Secret' || !documents.includes(object.metadata.namespace ?? '')) return object;
  return { ...object, data: { [documentKey]: fromBase64(dataOf(object)[documentKey]) } };
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** What differs, for people: objects that are missing or too many, and lines of those that are in both. */
export function differences(wanted: State, found: State): string[] {
  const lines: string[] = [];
  for (const [key, text] of wanted) {
    const other = found.get(key);
    if (other === undefined) lines.push(`missing: ${key}`);
    else if (other !== text) lines.push(...changedLines(key, text, other));
  }
  for (const key of found.keys()) if (!wanted.has(key)) lines.push(`too many: ${key}`);
  return lines;
}

function changedLines(key: string, wanted: string, found: string): string[] {
  const [a, b] = [wanted.split('\n'), found.split('\n')];
  const missingFrom = (one: readonly string[], other: readonly string[]) =>
    one.filter((line) => !other.includes(line)).map((line) => line.trim());
  return [
    `differs: ${key}`,
    ...missingFrom(a, b).map((line) => `  wanted ${line}`),
    ...missingFrom(b, a).map((line) => `  found  ${line}`),
  ].slice(0, 20);
}
