import type { Dispatcher } from 'undici';
import type { Registry } from 'prom-client';
import { KubeError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { deadline } from '../time/deadline.ts';
import { sleep } from '../time/sleep.ts';
import type { Credentials } from './credentials.ts';
import { refusal, unreachable } from './failure.ts';
import { readListBody } from './list-body.ts';
import type { ApiRequest } from './request.ts';
import { requestMetrics, type RequestMetrics } from './request-metrics.ts';
import type { Wire } from './wire.ts';

const defaultTimeoutMs = 30_000;
const retries = 3;
/** Longer waits are the caller's business: a worker must not be held for minutes inside one request. */
const longestWaitMs = 10_000;

/**
 * Sends requests and waits for whole answers, or opens a stream.
 *
 * Guarantees: a refusal with Retry-After (429, 5xx) is waited out and repeated up to three times, since the server did nothing yet;
 * a 401 is repeated once with credentials read anew; a read on a connection that broke is repeated once. Nothing else is.
 * A request that got no answer in time takes the idle connections along: the network may have forgotten them all without a word, and
 * each would cost the next request its time-out again.
 */
export class Transport implements Wire {
  readonly #credentials: Credentials;
  readonly #userAgent: string;
  readonly #metrics: RequestMetrics;
  readonly #origin: string;
  readonly #prefix: string;

  constructor(credentials: Credentials, userAgent: string, registry: Registry) {
    this.#credentials = credentials;
    this.#userAgent = userAgent;
    const { host, origin, pathname } = new URL(credentials.server);
    this.#metrics = requestMetrics(registry, host);
    this.#origin = origin;
    this.#prefix = pathname.replace(/\/$/, '');
  }

  async send(request: ApiRequest, as?: 'list'): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(request, as);
      } catch (error) {
        const wait = attempt < retries && error instanceof KubeError ? this.#pauseBeforeRetry(request, error, attempt) : undefined;
        if (wait === undefined || !(await sleep(wait, request.signal))) throw error;
        this.#metrics.retried(request.method ?? 'GET', error instanceof KubeError ? error.status : 0);
      }
    }
  }

  /** The body of a long answer, for as long as the signal allows. Only the wait for its first byte is limited. */
  async stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>> {
    using limit = deadline(request.timeoutMs ?? defaultTimeoutMs, request.signal, timedOut);
    try {
      // the limit ends with the headers; from there on the caller's own signal cuts the body
      const answer = await this.#dispatch(request, limit.signal);
      this.#metrics.opened(answer.statusCode);
      if (answer.statusCode !== 200) {
        const text = await answer.body.text();
        throw this.#refused(request, answer, text);
      }
      const cut = (): void => void answer.body.destroy();
      if (request.signal.aborted) cut();
      else request.signal.addEventListener('abort', cut, { once: true });
      answer.body.once('close', () => request.signal.removeEventListener('abort', cut));
      return answer.body;
    } catch (error) {
      if (limit.expired) this.#credentials.reconnect();
      if (!(error instanceof KubeError) && !request.signal.aborted) this.#metrics.opened(0);
      throw this.#asKubeError(request, error);
    }
  }

  async #once(request: ApiRequest, as: 'list' | undefined): Promise<unknown> {
    using limit = deadline(request.timeoutMs ?? defaultTimeoutMs, request.signal, timedOut);
    const end = this.#metrics.begin(request.method ?? 'GET');
    try {
      const answer = await this.#dispatch(request, limit.signal);
      const body = Buffer.from(await answer.body.arrayBuffer());
      end(answer.statusCode);
      if (answer.statusCode >= 300) throw this.#refused(request, answer, body.toString());
      if (body.length === 0) return undefined;
      return (as === 'list' ? readListBody(body) : undefined) ?? parseJson(body.toString());
    } catch (error) {
      if (limit.expired) this.#credentials.reconnect();
      if (!(error instanceof KubeError)) end(0);
      throw this.#asKubeError(request, error);
    }
  }

  async #dispatch(request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const access = await this.#credentials.current();
    const { method = 'GET', path, query, body, contentType = 'application/json', accept = 'application/json' } = request;
    return access.dispatcher.request({
      origin: this.#origin,
      path: `${this.#prefix}${path}${queryString(query)}`,
      method,
      headers: {
        ...access.headers,
        accept,
        'user-agent': this.#userAgent,
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
      headersTimeout: 0, // the deadline covers both; a watch may be silent for minutes
      bodyTimeout: 0,
    });
  }

  #refused(request: ApiRequest, answer: Dispatcher.ResponseData, body: string): KubeError {
    if (answer.statusCode === 401) this.#credentials.refresh();
    return refusal(request, answer.statusCode, body, answer.headers);
  }

  #asKubeError(request: ApiRequest, error: unknown): unknown {
    // an abort by the caller stays what the caller made of it
    return error instanceof KubeError || request.signal?.aborted ? error : unreachable(request, error);
  }

  #pauseBeforeRetry(request: ApiRequest, error: KubeError, attempt: number): number | undefined {
    if (error.status === 401) return attempt === 0 ? 0 : undefined;
    if (error.reason === 'Unreachable') return attempt === 0 && (request.method ?? 'GET') === 'GET' ? 0 : undefined;
    const busy = error.status === 429 || error.status >= 500;
    return busy && error.retryAfterMs !== undefined && error.retryAfterMs <= longestWaitMs ? error.retryAfterMs : undefined;
  }
}

const timedOut = (): Error => new DOMException('no answer in time', 'TimeoutError');

function queryString(query: ApiRequest['query']): string {
  const set = Object.entries(query ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`;
}
