import type { ApiRequest } from './request.ts';

/**
 * What carries requests to an API server and answers back: HTTP in life, a model of the server in a simulation.
 *
 * Both ways reject with a `KubeError`, made by `refusal` from the server's answer or by `unreachable` when there was none, so that callers
 * cannot tell one wire from another; an abort by the request's own signal rejects with whatever the signal's owner made of it.
 */
export interface Wire {
  /**
   * The whole answer as JSON; undefined for an empty one. Of a list, the items may be any Iterable, whose items are made as they are asked for, and
   * may come without managedFields.
   */
  send(request: ApiRequest, as?: 'list'): Promise<unknown>;
  /** The body of a long answer in pieces cut anywhere, until the server ends it or the signal aborts. */
  stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>>;
}
