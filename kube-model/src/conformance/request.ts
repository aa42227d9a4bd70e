/** An operation as a request to one of the two servers, with the UIDs and versions that this server has given. */
import type { ApiRequest } from 'kube-runtime';
import { recordOf, type Json } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { kindsByName, namespaces, pathFor } from './kinds.fixture.ts';
import type { Content, JsonOperation, Operation, Target, UidNamed, VersionNamed } from './operation.ts';

/** What one server has shown so far. */
export interface Known {
  /** Names of the namespaces of the sequence. */
  readonly spaces: readonly [string, string];
  /** All states of an object that were seen, the newest last. */
  readonly states: (path: string) => readonly StoredObject[];
  /** Lists that were seen, the newest last. */
  readonly lists: readonly ListSeen[];
}

export interface ListSeen {
  readonly path: string;
  readonly version: string;
  /** Of the next page, if there is one. */
  readonly token: string | undefined;
}

export const pathOfTarget = ({ spaces }: Known, { kind, space, name }: Target, subresource?: string): string =>
  pathFor(kindsByName[kind], spaces[space], name, subresource);

export const pathOfSpace = ({ spaces }: Known, subresource?: string): string => pathFor(namespaces, undefined, spaces[1], subresource);

const latest = (known: Known, path: string): StoredObject | undefined => known.states(path).at(-1);
const nobody = '11111111-1111-4111-8111-111111111111';

export function requestOf(known: Known, operation: Operation): ApiRequest {
  switch (operation.type) {
    case 'space':
      return spaceRequest(known, operation);
    case 'list':
      return listRequest(known, operation);
    case 'create': {
      const { target, content, manager, generated, version } = operation;
      const body = objectFrom(known, target, content);
      const resourceVersion = versionOf(known, pathOfTarget(known, target), version);
      const given = { ...recordOf(body['metadata']), resourceVersion };
      const metadata: Json = { ...given, ...(generated && { name: undefined, generateName: `${target.name}-` }) };
      const path = pathFor(kindsByName[target.kind], known.spaces[target.space]);
      return { method: 'POST', path, query: { fieldManager: manager }, body: { ...body, metadata } };
    }
    case 'put':
    case 'merge':
    case 'json':
    case 'apply':
      return writeRequest(known, operation);
    case 'status':
      return statusRequest(known, operation);
    case 'scale':
      return scaleRequest(known, operation);
    case 'delete': {
      const path = pathOfTarget(known, operation.target);
      const preconditions = { uid: uidOf(known, path, operation.uid), resourceVersion: versionOf(known, path, operation.version) };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: operation.policy, preconditions };
      return { method: 'DELETE', path, body };
    }
  }
}

function listRequest({ spaces, lists }: Known, { kind, labels, limit, at }: Extract<Operation, { readonly type: 'list' }>): ApiRequest {
  const path = pathFor(kindsByName[kind], spaces[0]);
  const query = { labelSelector: labels, limit };
  const [first, last] = [lists[0], lists.at(-1)];
  const token = lists.findLast((list) => list.path === path)?.token;
  if (at === 'next page' && token !== undefined) return { path, query: { ...query, limit: 1, continue: token } };
  if (at === 'earlier' && first) return { path, query: { ...query, resourceVersion: first.version, resourceVersionMatch: 'Exact' } };
  if (at === 'fresh' && last) return { path, query: { ...query, resourceVersion: last.version, resourceVersionMatch: 'NotOlderThan' } };
  return { path, query };
}

type Write = Extract<Operation, { readonly type: 'put' | 'merge' | 'json' | 'apply' }>;

function writeRequest(known: Known, operation: Write): ApiRequest {
  const { target, manager } = operation;
  const path = pathOfTarget(known, target);
  const query = { fieldManager: manager };
  if (operation.type === 'json') {
    const body = operation.operations.map((each) => named(known, path, each));
    return { method: 'PATCH', path, query, contentType: 'application/json-patch+json', body };
  }
  const content = objectFrom(known, target, operation.content);
  const resourceVersion = versionOf(known, path, operation.version);
  if (operation.type === 'merge') {
    const { name: _, namespace: __, ...metadata } = recordOf(content['metadata']);
    const removed = Object.fromEntries(operation.remove.map((field) => [field, null]));
    const body = { ...content, apiVersion: undefined, kind: undefined, metadata: { ...metadata, ...removed, resourceVersion } };
    return { method: 'PATCH', path, query, contentType: 'application/merge-patch+json', body };
  }
  const uid = uidOf(known, path, operation.uid);
  const body = { ...content, metadata: { ...recordOf(content['metadata']), resourceVersion, uid } };
  if (operation.type === 'put') return { method: 'PUT', path, query, body };
  const contentType = 'application/apply-patch+yaml';
  return { method: 'PATCH', path, query: { ...query, force: operation.force }, contentType, body };
}

function statusRequest(known: Known, operation: Extract<Operation, { readonly type: 'status' }>): ApiRequest {
  const { target, manager, status, how } = operation;
  const object = latest(known, pathOfTarget(known, target));
  const path = pathOfTarget(known, target, 'status');
  const query = { fieldManager: manager };
  const { apiVersion, kind } = kindsByName[target.kind];
  const uid = uidOf(known, pathOfTarget(known, target), operation.uid);
  switch (how) {
    case 'put':
      return { method: 'PUT', path, query, body: { ...(object ?? objectFrom(known, target, { fields: {} })), status } };
    case 'merge':
      return { method: 'PATCH', path, query, contentType: 'application/merge-patch+json', body: { status } };
    case 'json': {
      const body = [...(uid ? [{ op: 'test', path: '/metadata/uid', value: uid }] : []), { op: 'add', path: '/status', value: status }];
      return { method: 'PATCH', path, query, contentType: 'application/json-patch+json', body };
    }
    case 'apply': {
      const body = { apiVersion, kind, metadata: { name: target.name }, status };
      return { method: 'PATCH', path, query: { ...query, force: true }, contentType: 'application/apply-patch+yaml', body };
    }
  }
}

function scaleRequest(known: Known, { target, how, replicas, manager }: Extract<Operation, { readonly type: 'scale' }>): ApiRequest {
  const path = pathOfTarget(known, target, 'scale');
  if (how === 'get') return { path };
  const query = { fieldManager: manager };
  const spec = { replicas };
  if (how === 'merge') return { method: 'PATCH', path, query, contentType: 'application/merge-patch+json', body: { spec } };
  const metadata = { name: target.name, namespace: known.spaces[target.space] };
  return { method: 'PUT', path, query, body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata, spec } };
}

function spaceRequest(known: Known, { how, finalizer }: Extract<Operation, { readonly type: 'space' }>): ApiRequest {
  const path = pathOfSpace(known);
  const metadata = { name: known.spaces[1], labels: { app: '1' }, ...(finalizer && { finalizers: ['example.dev/one'] }) };
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata };
  switch (how) {
    case 'create':
      return { method: 'POST', path: pathFor(namespaces, undefined), query: { fieldManager: 'x' }, body };
    case 'apply':
      return { method: 'PATCH', path, query: { fieldManager: 'x' }, contentType: 'application/apply-patch+yaml', body };
    case 'delete':
      return { method: 'DELETE', path };
    case 'finalize':
      return { method: 'PUT', path: pathOfSpace(known, 'finalize'), body: { ...(latest(known, path) ?? body), spec: {} } };
  }
}

function objectFrom(known: Known, { kind, space, name }: Target, content: Content): Json {
  const { labels, annotations, finalizers, owners, fields } = content;
  const { apiVersion } = kindsByName[kind];
  const ownerReferences = owners?.map(({ of, blocks, controls, real }) => {
    const owner = kindsByName[of.kind];
    const uid = (real ? latest(known, pathOfTarget(known, of))?.metadata.uid : undefined) ?? nobody;
    return {
      apiVersion: owner.apiVersion,
      kind: of.kind,
      name: of.name,
      uid,
      ...(blocks && { blockOwnerDeletion: true }),
      ...(controls && { controller: true }),
    };
  });
  const uids = ownerReferences?.map(({ uid }) => uid);
  const given = {
    labels,
    annotations,
    finalizers,
    ownerReferences: ownerReferences?.filter(({ uid }, index) => uids?.indexOf(uid) === index),
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { apiVersion, kind, metadata: { name, namespace: known.spaces[space], ...set }, ...fields };
}

function named(known: Known, path: string, operation: JsonOperation): JsonOperation {
  if (operation.value === 'uid') return { ...operation, value: uidOf(known, path, 'current') ?? nobody };
  return operation.value === 'version' ? { ...operation, value: versionOf(known, path, 'current') ?? '0' } : operation;
}

const versionOf = (known: Known, path: string, which: VersionNamed): string | undefined =>
  which === 'none' ? undefined : (which === 'stale' ? known.states(path)[0] : latest(known, path))?.metadata.resourceVersion;

const uidOf = (known: Known, path: string, which: UidNamed): string | undefined =>
  which === 'none' ? undefined : which === 'other' ? nobody : latest(known, path)?.metadata.uid;
