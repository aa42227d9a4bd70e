import { hash } from 'node:crypto';
import { KubeRuntimeError } from '../errors.ts';
import { isRecord, type JsonRecord } from '../json.ts';
import type { Kind } from '../kind.ts';
import { ownerReference } from '../owners.ts';
import type { BaseObject, Desired, DesiredMeta } from '../resource.ts';
import { fieldPaths } from './difference.ts';

export interface ApplyBody extends JsonRecord {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: DesiredMeta;
}

/**
 * What goes to the server: named, complete with its owner, and marked with the set of fields that we own.
 *
 * The mark is how a later run sees, without asking, that a field was dropped from the desired state: the live object still has the field,
 * which alone would look like somebody else's addition.
 */
export function applyBody<T extends BaseObject>(
  kind: Kind<T>,
  desired: Desired<T>,
  options: { readonly fieldManager: string; readonly owner?: BaseObject | undefined },
): ApplyBody {
  const { metadata, ...rest } = desired;
  if (kind.namespaced && !metadata.namespace) throw new KubeRuntimeError('namespace_missing', { kind: kind.kind, name: metadata.name });
  const owners = [
    ...(metadata.ownerReferences ?? []),
    ...(options.owner ? [ownerReference(options.owner, { ...metadata, kind: kind.kind })] : []),
  ];
  const named = { ...metadata, ...(owners.length > 0 && { ownerReferences: owners }) };
  const fields = withoutNothing({ ...encodeSecretText(kind, rest), apiVersion: kind.apiVersion, kind: kind.kind });
  const mark = { [annotationOf(options.fieldManager)]: hashOf(fieldPaths(kind, { ...fields, metadata: named })) };
  return {
    ...fields,
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { ...named, annotations: { ...metadata.annotations, ...mark } },
  };
}

/** Where the set of owned fields is kept; one per field manager, since several may apply to one object. */
export const annotationOf = (fieldManager: string): string =>
  `kube-runtime.dev/fields-of-${fieldManager.replace(/[^A-Za-z0-9._-]/g, '_')}`.slice(0, 80);

/** Most children of a kind have the fields of the one before. */
const hashes = new Map<string, string>();
const hashesKept = 256;

function hashOf(paths: string[]): string {
  const asTheyCome = paths.join('\n');
  const known = hashes.get(asTheyCome);
  if (known !== undefined) return known;
  const made = hash('sha256', paths.sort().join('\n')).slice(0, 16);
  if (hashes.size >= hashesKept) hashes.clear();
  hashes.set(asTheyCome, made);
  return made;
}

/** `stringData` exists only on the way in: compared and owned is `data`. */
function encodeSecretText(kind: Kind<BaseObject>, fields: JsonRecord): JsonRecord {
  const { stringData, ...rest } = fields;
  if (kind.kind !== 'Secret' || kind.apiVersion !== 'v1' || !isRecord(stringData)) return fields;
  const encoded = Object.entries(stringData).map(([name, text]) => [name, Buffer.from(String(text)).toString('base64')]);
  return { ...rest, data: { ...(isRecord(rest['data']) ? rest['data'] : {}), ...Object.fromEntries(encoded) } };
}

/** Drops undefined and null: server-side apply would take null as a value to own. */
function withoutNothing(fields: JsonRecord): JsonRecord {
  const left: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value !== undefined && value !== null) left[name] = clean(value);
  }
  return left;
}

function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  return isRecord(value) ? withoutNothing(value) : value;
}
