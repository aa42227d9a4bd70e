import type { CacheScope } from '../cluster/cluster.ts';
import { refusalInStream } from '../cluster/failure.ts';
import { textOfEvent } from '../cluster/managed-fields.ts';
import type { ApiRequest } from '../cluster/request.ts';
import type { Wire } from '../cluster/wire.ts';
import { isExpired, KubeRuntimeError } from '../errors.ts';
import { isRecord, parseJson, textOf, type JsonRecord } from '../json.ts';
import { pathOf, type Kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { lines } from './lines.ts';

export interface RawPage {
  readonly items: Iterable<unknown>;
  /** The version of the whole list, from which a watch goes on. */
  readonly resourceVersion: string;
  readonly continueToken: string | undefined;
}

export interface RawEvent {
  readonly type: string;
  readonly object: JsonRecord;
}

/** All pages of a list. When the server forgets the snapshot between two pages, the rest is asked for in one piece, newer. */
export async function* pages(
  wire: Wire,
  kind: Kind<BaseObject>,
  scope: CacheScope,
  options: { readonly pageSize: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<RawPage> {
  let token: string | undefined;
  do {
    const request: ApiRequest = { ...listRequest(kind, scope), signal: options.signal };
    const page = toPage(await wire.send({ ...request, query: { ...request.query, limit: options.pageSize, continue: token } }, 'list'));
    yield page;
    token = page.continueToken;
  } while (token);
}

export interface WholeList<Item> {
  readonly items: readonly Item[];
  readonly resourceVersion: string;
}

/**
 * Reads a whole list. Starts over without pages when the snapshot expires half-way, so that the result is of one version.
 * `take` sees each item as soon as its page is there: what it makes of it is kept, the item is not, so that a long list never stands in
 * memory as it came.
 */
export async function readAll<Item>(
  wire: Wire,
  kind: Kind<BaseObject>,
  scope: CacheScope,
  options: { readonly pageSize: number; readonly signal?: AbortSignal | undefined; readonly take: (raw: unknown) => Item },
): Promise<WholeList<Item>> {
  const { take } = options;
  try {
    return await gather(pages(wire, kind, scope, options), take);
  } catch (error) {
    if (!isExpired(error)) throw error;
    const { items, resourceVersion } = toPage(await wire.send({ ...listRequest(kind, scope), signal: options.signal }, 'list'));
    return { items: Array.from(items, take), resourceVersion };
  }
}

async function gather<Item>(all: AsyncIterable<RawPage>, take: (raw: unknown) => Item): Promise<WholeList<Item>> {
  const items: Item[] = [];
  let resourceVersion = '';
  for await (const page of all) {
    for (const item of page.items) items.push(take(item));
    resourceVersion = page.resourceVersion;
  }
  return { items, resourceVersion };
}

export interface WatchFrom {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** Called when the watch is open, and for every piece that arrives. */
  readonly onChunk: () => void;
}

/** Events from a version on, as many together as come together, until the server ends the watch. An `ERROR` event is thrown as the error it is. */
export async function* rawWatch(
  wire: Wire,
  kind: Kind<BaseObject>,
  scope: CacheScope,
  from: WatchFrom,
): AsyncGenerator<readonly RawEvent[]> {
  const { path, query } = listRequest(kind, scope);
  const request = {
    path,
    query: { ...query, watch: true, allowWatchBookmarks: true, resourceVersion: from.resourceVersion, timeoutSeconds: from.timeoutSeconds },
    accept: scope.metadataOnly ? `${asMetadata('PartialObjectMetadata')},application/json` : 'application/json',
    signal: from.signal,
  };
  const body = await wire.stream(request);
  from.onChunk();
  for await (const together of lines(body, from.onChunk)) {
    const { events, fault } = readEvents(together, kind, request);
    yield events;
    if (fault) throw fault;
  }
}

const asMetadata = (as: string): string => `application/json;as=${as};g=meta.k8s.io;v=v1`;

function listRequest(kind: Kind<BaseObject>, scope: CacheScope): ApiRequest {
  return {
    path: pathOf(kind, scope.namespace ? { namespace: scope.namespace } : {}),
    query: { labelSelector: scope.labelSelector, fieldSelector: scope.fieldSelector },
    accept: scope.metadataOnly ? `${asMetadata('PartialObjectMetadataList')},application/json` : 'application/json',
  };
}

function toPage(raw: unknown): RawPage {
  if (!isRecord(raw) || !isRecord(raw['metadata'])) throw new KubeRuntimeError('not_an_object', { got: typeof raw });
  const items = raw['items'] ?? []; // an empty list may come as null
  return {
    items: isIterable(items) ? items : [],
    resourceVersion: textOf(raw['metadata']['resourceVersion']) ?? '',
    continueToken: textOf(raw['metadata']['continue']) ?? undefined,
  };
}

const isIterable = (value: unknown): value is Iterable<unknown> => typeof value === 'object' && value !== null && Symbol.iterator in value;

/** Events up to the first line that is none: what came before a fault counts. */
function readEvents(
  together: readonly Buffer[],
  kind: Kind<BaseObject>,
  request: ApiRequest,
): { readonly events: readonly RawEvent[]; readonly fault?: Error } {
  const events: RawEvent[] = [];
  for (const line of together) {
    const event = toEvent(line, kind);
    if (event instanceof Error) return { events, fault: event };
    if (event.type === 'ERROR') return { events, fault: refusalInStream(request, event.object) };
    events.push(event);
  }
  return { events };
}

function toEvent(line: Buffer, kind: Kind<BaseObject>): RawEvent | Error {
  const invalid = () => new KubeRuntimeError('watch_line_invalid', { what: kind.kind, length: line.length });
  let raw: unknown;
  try {
    raw = parseJson(textOfEvent(line));
  } catch {
    return invalid(); // without the parser's error: it quotes the line, which may be a Secret
  }
  if (!isRecord(raw) || typeof raw['type'] !== 'string' || !isRecord(raw['object'])) return invalid();
  return { type: raw['type'], object: raw['object'] };
}
