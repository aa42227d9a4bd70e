import { at, isRecord, withAt, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import type { ScalePaths } from '../rules/served-kind.ts';
import { nameOf, type Call } from './call.ts';
import { mergePatch } from './patch.ts';
import { badRequest, methodNotAllowed, noSuchPath, notFound, unsupportedMediaType } from './refused.ts';
import { keyFrom } from './route.ts';
import { overwrite, ownersAfter } from './update.ts';

/** `/scale`: the replicas of any kind in one shape. */
export function scale(call: Call): Json {
  const { site, route, request } = call;
  const { method = 'GET' } = request;
  const paths = route.served.scale;
  if (!paths) throw noSuchPath();
  const existing = site.store.get(route.served, keyFrom(route, nameOf(call)), method === 'GET' ? call.version : undefined);
  if (!existing) throw notFound(route.served, nameOf(call));
  const current = scaleOf(existing, paths);
  if (method === 'GET') return current;
  const wanted = wantedScale(current, method, request.contentType, request.body);
  const replicas = at(wanted, ['spec', 'replicas']) ?? 0;
  if (typeof replicas !== 'number') throw badRequest('spec.replicas is no number');
  const next = withAt(structuredClone(existing), fieldsIn(paths.specReplicasPath), replicas);
  const version = at(wanted, ['metadata', 'resourceVersion']);
  const draft = asObject(next);
  if (typeof version === 'string') draft.metadata.resourceVersion = version;
  const scaled = { ...call, route: { ...route, subresource: undefined } };
  return scaleOf(overwrite(scaled, existing, draft, method === 'PUT' ? 'update' : 'patch', ownersAfter(call, existing)), paths);
}

function wantedScale(current: Json, method: string, contentType: string | undefined, body: unknown): unknown {
  if (method === 'PUT') return body;
  if (method !== 'PATCH') throw methodNotAllowed();
  if (contentType !== 'application/merge-patch+json') throw unsupportedMediaType();
  return mergePatch(current, body);
}

function scaleOf(object: StoredObject, { specReplicasPath, statusReplicasPath, labelSelectorPath }: ScalePaths): Json {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = labelSelectorPath === undefined ? undefined : at(object, fieldsIn(labelSelectorPath));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object, fieldsIn(specReplicasPath)) ?? 0 },
    status: { replicas: at(object, fieldsIn(statusReplicasPath)) ?? 0, ...(typeof selector === 'string' && { selector }) },
  };
}

const fieldsIn = (path: string): string[] => path.split('.').filter((field) => field !== '');

function asObject(value: Json): StoredObject {
  if (!isStored(value)) throw new Error('an object with one field set is an object');
  return value;
}
const isStored = (value: Json): value is StoredObject => isRecord(value['metadata']);
