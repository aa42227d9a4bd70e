/**
 * Providers that speak OpenAI's protocol: OpenAI itself and all that are compatible with it. Bytes pass through; only errors are read.
 * Requests and answers of others travel as these do.
 */
import { createParser } from 'eventsource-parser';
import { Agent as Pool, type Dispatcher } from 'undici';
import { accountFault } from '../account-faults.ts';
import {
  BrokenAnswer,
  type Provider,
  type ProviderAnswer,
  type ProviderCall,
  type ProviderFailure,
  refused,
  type StreamEvent,
} from '../provider.ts';
import { ask } from './ask.ts';
import { errorIn, failureFrom, withoutKey, type ErrorWords, type Headers } from './failure.ts';

export interface OpenAIOptions {
  /** Milliseconds for a TCP and TLS connection. */
  readonly connectTimeout?: number;
  /** Milliseconds between two pieces of an answer, where the provider's document does not say. */
  readonly idleTimeout?: number;
}

/** Longest event of a stream, in characters: a picture may be in it. */
const longestEvent = 8 * 1024 * 1024;

export const poolOf = ({ connectTimeout = 5_000, idleTimeout = 60_000 }: OpenAIOptions): Pool =>
  new Pool({ connect: { timeout: connectTimeout }, bodyTimeout: idleTimeout, keepAliveTimeout: 30_000, allowH2: false });

/** In what a provider differs from OpenAI itself. */
export interface Dialect {
  /** Path and query below the base URL, where OpenAI has `route`. */
  readonly address: (route: string, call: ProviderCall) => string;
  /** Headers with the key. */
  readonly credential: (key: string) => Readonly<Record<string, string>>;
  /** What a failure is that OpenAI would have worded otherwise; for what it says of the account there is account-faults.ts. */
  readonly failure: (failure: ProviderFailure, error: ErrorWords) => ProviderFailure;
}

const openAI: Dialect = {
  address: (route) => route,
  credential: (key) => ({ authorization: `Bearer ${key}` }),
  failure: (failure) => failure,
};

export function openAICompatible(options: OpenAIOptions = {}, differences: Partial<Dialect> = {}): Provider & { close(): Promise<void> } {
  const pool = poolOf(options);
  const { address, credential, failure } = { ...openAI, ...differences };
  const asking = (route: string) => async (call: ProviderCall) => {
    const key = call.credential === undefined ? {} : credential(call.credential);
    return answerTo(pool, postTo(address(route, call), call, key), call, failure);
  };
  return {
    chat: asking('/chat/completions'),
    embed: asking('/embeddings'),
    close: () => pool.destroy(),
  };
}

/** Nothing of what the agent sent in its headers is in here. */
export function postTo(
  path: string,
  { provider, body, stream, requestId, signal }: ProviderCall,
  credential: Readonly<Record<string, string>>,
) {
  return {
    ...addressOf(`${provider.baseURL ?? ''}${path}`),
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      'x-client-request-id': requestId,
      ...credential,
    },
    body: textOf(body),
    headersTimeout: provider.timeoutSeconds * 1000,
    ...(provider.idleSeconds === undefined ? {} : { bodyTimeout: provider.idleSeconds * 1000 }),
    signal,
  } satisfies Dispatcher.RequestOptions & { origin: string };
}

/** What could be parsed may be too deep to be written again. Throws what {@link refused} makes. */
function textOf(body: ProviderCall['body']): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    if (error instanceof RangeError) throw refused({ problem: 'it is nested too deeply' });
    throw error;
  }
}

/** Of every provider and, with some, of each of its models. */
const addresses = new Map<string, { readonly origin: string; readonly path: string }>();
const mostAddresses = 1_000;

/** To take an address apart costs as much as to make a small body. */
function addressOf(url: string): { readonly origin: string; readonly path: string } {
  const known = addresses.get(url);
  if (known) return known;
  const { origin, pathname, search } = new URL(url);
  const address = { origin, path: `${pathname}${search}` };
  if (addresses.size >= mostAddresses) addresses.clear();
  addresses.set(url, address);
  return address;
}

/** Rejects with what the failure is judged to be where the status is not 200. */
export async function answerTo(
  pool: Dispatcher,
  request: ReturnType<typeof postTo>,
  call: ProviderCall,
  judged: Dialect['failure'] = openAI.failure,
): Promise<ProviderAnswer> {
  const answer = await ask(pool, request, call.stream);
  if (answer.kind === 'stream') return { kind: 'stream', events: eventsOf(answer.pieces) };
  const { statusCode, headers, text } = answer;
  if (statusCode !== 200) throw failureOf(statusCode, headers, text, { call, judged });
  return { kind: 'whole', text };
}

/** The events of each piece that comes in, together. Comments, which some providers send to keep connections open, are left out. */
async function* eventsOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<readonly StreamEvent[]> {
  let batch: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => void batch.push({ event, data }),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') throw new BrokenAnswer(`an event of its stream is longer than ${longestEvent} characters`);
    },
    maxBufferSize: longestEvent,
  });
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    parser.feed(decoder.decode(piece, { stream: true }));
    if (batch.length > 0) yield batch;
    batch = [];
  }
}

interface Judging {
  readonly call: ProviderCall;
  readonly judged: Dialect['failure'];
}

function failureOf(statusCode: number, headers: Headers, words: string, { call, judged }: Judging): ProviderFailure {
  const said = errorIn(words);
  const error = withoutKey(said, call.credential);
  const failure = judged(failureFrom(statusCode, error, headers), error);
  return accountFault(failure, { error: said, headers, type: call.provider.type }) ?? failure;
}
