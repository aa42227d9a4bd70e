import type { Method } from 'kube-runtime';
import type { StoredObject } from '../objects/object.ts';
import type { Json } from '../objects/json.ts';
import type { Call } from './call.ts';
import { create } from './create.ts';
import { patch } from './patch.ts';
import { get, list } from './read.ts';
import { methodNotAllowed } from './refused.ts';
import { remove } from './remove.ts';
import { scale } from './scale.ts';
import { update } from './update.ts';

/** Carries out one request. @throws Refused */
export function handle(call: Call): Json | StoredObject {
  const { route, request } = call;
  if (route.subresource === 'scale') return scale(call);
  return route.name === undefined ? onCollection(call) : onObject(call, request.method ?? 'GET');
}

function onCollection(call: Call): Json | StoredObject {
  const { route, request } = call;
  if ((request.method ?? 'GET') === 'GET') return list(call);
  if (request.method === 'POST' && (!route.served.kind.namespaced || route.namespace)) return create(call);
  throw methodNotAllowed();
}

function onObject(call: Call, method: Method): Json | StoredObject {
  switch (method) {
    case 'GET':
      return get(call);
    case 'PUT':
      return update(call);
    case 'PATCH':
      return patch(call);
    case 'DELETE':
      if (call.route.subresource === undefined) return remove(call);
      throw methodNotAllowed();
    case 'POST':
      throw methodNotAllowed();
  }
}
