import type { ApiRequest } from 'kube-runtime';
import { isRecord, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { nameOf, query, type Call } from './call.ts';
import { badRequest, expired, notFound } from './refused.ts';
import { keyFrom } from './route.ts';
import { selectorOf } from './selector.ts';
import { versionOfGet, versionOfList } from './version.ts';

export const wantsMetadata = ({ accept }: ApiRequest): boolean => accept?.includes('as=PartialObjectMetadata') ?? false;

export const asMetadata = ({ metadata }: StoredObject): Json => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });

export function get(call: Call): Json {
  const { site, route, request } = call;
  const object = site.store.get(route.served, keyFrom(route, nameOf(call)), versionOfGet(call));
  if (!object) throw notFound(route.served, nameOf(call));
  return wantsMetadata(request) ? asMetadata(object) : object;
}

/** A page of a list; the token for the next one names the version and the last object of this one. */
export function list(call: Call): Json {
  const { site, route, request } = call;
  const { version, after } = pageFrom(call);
  const matches = selectorOf(query(call, 'labelSelector'), query(call, 'fieldSelector'));
  const left = site.store
    .list(route.served, version)
    .filter((object) => route.namespace === undefined || object.metadata.namespace === route.namespace)
    .filter((object) => after === undefined || positionOf(object) > after);
  const limit = Number(query(call, 'limit') ?? 0) || left.length;
  const page = left.filter(matches).slice(0, limit);
  // Once a page is full, whether what comes after it matches is not looked at.
  const last = page.length === limit ? page.at(-1) : undefined;
  const more = last && last !== left.at(-1) ? { continue: tokenOf(version, last) } : {};
  const { apiVersion, kind } = route.served.kind;
  const partial = wantsMetadata(request);
  return {
    kind: partial ? 'PartialObjectMetadataList' : `${kind}List`,
    apiVersion: partial ? 'meta.k8s.io/v1' : apiVersion,
    metadata: { resourceVersion: String(version), ...more },
    items: partial ? page.map(asMetadata) : page,
  };
}

const positionOf = ({ metadata }: StoredObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

const tokenOf = (version: number, last: StoredObject): string =>
  Buffer.from(JSON.stringify({ version, after: positionOf(last) })).toString('base64url');

function pageFrom(call: Call): { readonly version: number; readonly after?: string } {
  const version = versionOfList(call);
  const token = query(call, 'continue');
  if (token === undefined) return { version };
  const page = parse(Buffer.from(token, 'base64url').toString());
  if (!isRecord(page) || typeof page['version'] !== 'number' || typeof page['after'] !== 'string')
    throw badRequest('continue key is not valid');
  if (page['version'] < call.site.store.oldest) throw expired();
  return { version: page['version'], after: page['after'] };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no token of ours
  }
}
