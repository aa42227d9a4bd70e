/**
 * Providers that speak OpenAI's protocol: OpenAI itself and all that are compatible with it. Bytes pass through; only errors are read.
 * Requests and answers of others travel as these do.
 */
import { createParser } from 'eventsource-parser';
import { Agent as Pool, type Dispatcher } from 'undici';
import { z } from 'zod';
import { BrokenAnswer, ProviderFailure, type Provider, type ProviderAnswer, type ProviderCall, type StreamEvent } from '../provider.ts';

export interface OpenAIOptions {
  /** Milliseconds for a TCP and TLS connection. */
  readonly connectTimeout?: number;
  /** Milliseconds between two pieces of an answer, where the provider's document does not say. */
  readonly idleTimeout?: number;
}

/** Longest answer that is read whole, and longest event of a stream, in bytes. */
const mostBytes = 32 * 1024 * 1024;

export const poolOf = ({ connectTimeout = 5_000, idleTimeout = 60_000 }: OpenAIOptions): Pool =>
  new Pool({ connect: { timeout: connectTimeout }, bodyTimeout: idleTimeout, keepAliveTimeout: 30_000, allowH2: false });

export function openAICompatible(options: OpenAIOptions = {}): Provider & { close(): Promise<void> } {
  const pool = poolOf(options);
  const ask = (path: string) => async (call: ProviderCall) => {
    const answer = await pool.request(postTo(path, call, bearer(call)));
    if (answer.statusCode !== 200) throw await failureOf(answer);
    return answerOf(call, answer);
  };
  return {
    chat: ask('/chat/completions'),
    embed: ask('/embeddings'),
    close: () => pool.destroy(),
  };
}

/** Nothing of what the agent sent in its headers is in here. */
export function postTo(
  path: string,
  { provider, body, stream, requestId, signal }: ProviderCall,
  credential: Readonly<Record<string, string>>,
) {
  const base = new URL(`${provider.baseURL ?? ''}${path}`);
  return {
    origin: base.origin,
    path: `${base.pathname}${base.search}`,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      'x-client-request-id': requestId,
      ...credential,
    },
    body: JSON.stringify(body),
    headersTimeout: provider.timeoutSeconds * 1000,
    ...(provider.idleSeconds === undefined ? {} : { bodyTimeout: provider.idleSeconds * 1000 }),
    signal,
  } satisfies Dispatcher.RequestOptions & { origin: string };
}

const bearer = ({ credential }: ProviderCall): Record<string, string> =>
  credential === undefined ? {} : { authorization: `Bearer ${credential}` };

export async function answerOf({ stream }: ProviderCall, { body, headers }: Dispatcher.ResponseData): Promise<ProviderAnswer> {
  const type = String(headers['content-type'] ?? '');
  if (stream && type.startsWith('text/event-stream')) return { kind: 'stream', events: eventsOf(body) };
  const length = Number(headers['content-length'] ?? Infinity);
  return { kind: 'whole', text: length <= mostBytes ? await body.text() : await textOf(body) };
}

async function textOf(body: Dispatcher.ResponseData['body'], limit = mostBytes): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    if (!Buffer.isBuffer(piece)) continue;
    size += piece.length;
    if (size > limit) throw new BrokenAnswer(`its answer is larger than ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size).toString('utf8');
}

/** The events of each piece that comes in, together. Comments, which some providers send to keep connections open, are left out. */
async function* eventsOf(body: Dispatcher.ResponseData['body']): AsyncGenerator<readonly StreamEvent[]> {
  let batch: StreamEvent[] = [];
  const parser = createParser({ onEvent: ({ event, data }) => void batch.push({ event, data }), maxBufferSize: mostBytes });
  const decoder = new TextDecoder();
  for await (const piece of body) {
    if (!Buffer.isBuffer(piece)) continue;
    parser.feed(decoder.decode(piece, { stream: true }));
    if (batch.length > 0) yield batch;
    batch = [];
  }
}

const errorBody = z.looseObject({
  error: z.looseObject({ message: z.string().optional(), param: z.string().nullish(), code: z.unknown().optional() }),
});
const longestError = 64 * 1024;

export async function failureOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<ProviderFailure> {
  const error = parseError(await textOf(body, longestError))?.error;
  return new ProviderFailure(statusCode, {
    problem: (error?.message ?? '').slice(0, 500),
    param: error?.param ?? undefined,
    retryAfterSeconds: secondsOf(headers['retry-after']),
    quotaSpent: error?.code === 'insufficient_quota',
  });
}

function parseError(text: string): z.infer<typeof errorBody> | undefined {
  try {
    return errorBody.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // an error page in HTML, for example; the status says enough
  }
}

function secondsOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}
