import { applyPatch, type Operation } from 'rfc6902';
import { isRecord, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { asDraft, nameOf, type Call } from './call.ts';
import { apply } from './apply.ts';
import { badRequest, notFound, unprocessable, unsupportedMediaType } from './refused.ts';
import { keyFrom } from './route.ts';
import { overwrite, ownersAfter } from './update.ts';

export function patch(call: Call): StoredObject {
  const { site, route, request } = call;
  if (request.contentType === 'application/apply-patch+yaml') return apply(call);
  const name = nameOf(call);
  const existing = site.store.get(route.served, keyFrom(route, name));
  if (!existing) throw notFound(route.served, name);
  const draft = asDraft(route, patched(structuredClone(existing), request.contentType, request.body));
  return overwrite(call, existing, draft, 'patch', ownersAfter(call, existing));
}

function patched(object: StoredObject, contentType: string | undefined, body: unknown): unknown {
  if (contentType === 'application/merge-patch+json') return mergePatch(object, body);
  if (contentType === 'application/json-patch+json') return jsonPatch(object, body);
  throw unsupportedMediaType();
}

/** RFC 7386. */
export function mergePatch(target: unknown, change: unknown): unknown {
  if (!isRecord(change)) return change;
  const result: Json = isRecord(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(change)) {
    if (value === null) Reflect.deleteProperty(result, field);
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

/** RFC 6902, with the server's liberties: a field that is not there passes a test for null, and can be replaced. */
function jsonPatch(object: StoredObject, body: unknown): StoredObject {
  if (!Array.isArray(body) || !body.every(isOperation)) throw badRequest('the body is no JSON Patch');
  for (const operation of body) {
    const passes = operation.op === 'test' && operation.value === null && isAbsent(object, operation.path);
    const adds = operation.op === 'replace' && isAbsent(object, operation.path);
    const [error] = passes ? [] : applyPatch(object, [structuredClone(adds ? { ...operation, op: 'add' } : operation)]);
    if (error) throw unprocessable(`${error.name}: ${operation.op} ${operation.path}`);
  }
  return object;
}

const isOperation = (value: unknown): value is Operation =>
  isRecord(value) &&
  typeof value['path'] === 'string' &&
  ['add', 'remove', 'replace', 'test', 'copy', 'move'].includes(String(value['op']));

/** Whether a record could hold the field that the pointer names, and does not. */
function isAbsent(object: StoredObject, pointer: string): boolean {
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const parent = path.slice(0, -1).reduce<unknown>(partOf, object);
  return isRecord(parent) && partOf(parent, path.at(-1) ?? '') === undefined;
}

const partOf = (value: unknown, part: string): unknown =>
  Array.isArray(value) ? value[Number(part)] : isRecord(value) ? value[part] : undefined;
