import type { ApiRequest } from 'kube-runtime';
import { textOf } from '../objects/json.ts';
import { isObject, type StoredObject } from '../objects/object.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import type { Author, Store } from '../store/store.ts';
import { badRequest } from './refused.ts';
import type { Route } from './route.ts';

/** What every request is carried out on. */
export interface Site {
  readonly store: Store;
  readonly kinds: readonly ServedKind[];
  readonly now: () => string;
  /** A number that no earlier call has had. */
  readonly next: () => number;
}

/** One request, taken apart. */
export interface Call {
  readonly site: Site;
  readonly request: ApiRequest;
  readonly route: Route;
  readonly who: string;
  /** The version that reads see. */
  readonly version: number;
}

export const query = ({ request }: Call, name: string): string | undefined => {
  const value = request.query?.[name];
  return value === undefined || value === '' ? undefined : String(value);
};

export const managerName = (call: Call): string => query(call, 'fieldManager') ?? call.who;

export const authorOf = ({ who, route: { subresource } }: Call, verb: Author['verb']): Author => ({ who, verb, subresource });

/** The name that the path must have by now. */
export function nameOf({ route: { name } }: Call): string {
  if (name === undefined) throw badRequest('the path names no object');
  return name;
}

/** The body as a draft, if it is an object of the kind that the path names. */
export function draftFrom({ route, request: { body } }: Call): StoredObject {
  return asDraft(route, body);
}

export function asDraft({ served: { kind }, namespace, name }: Route, body: unknown): StoredObject {
  if (!isObject(body)) throw badRequest('the body is no object with apiVersion, kind and metadata');
  if (body.apiVersion !== kind.apiVersion || body.kind !== kind.kind) {
    throw badRequest(`${body.apiVersion} ${body.kind} in the body does not match ${kind.apiVersion} ${kind.kind} of the path`);
  }
  const { metadata } = body;
  if (namespace !== undefined && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && textOf(metadata.name) !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  const copy = structuredClone(body);
  if (namespace !== undefined) copy.metadata.namespace = namespace;
  return copy;
}
