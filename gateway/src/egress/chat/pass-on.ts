/** Brings a provider's answer to the caller, as it comes, and lets the meter see it. */
import type { ProviderDocument } from '@cloister/tenancy';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { BrokenAnswer, type ProviderAnswer, type StreamEvent } from '../providers/provider.ts';
import { isObject, parseObject } from './chunk.ts';
import { asApiError } from './failures.ts';
import type { Meter } from './meter.ts';

export interface Passing {
  readonly response: ServerResponse;
  readonly meter: Meter;
  readonly provider: ProviderDocument;
  /** The caller asked for the usage chunk itself. */
  readonly usageWanted: boolean;
  /** Aborts when the caller has left or the time is up. */
  readonly signal: AbortSignal;
  /** Stops the provider. */
  readonly cut: () => void;
  /** Hears that the stream has begun. */
  readonly begun: () => void;
}

/** How a stream ended: `cut` when the provider went on beyond what was reserved. */
export type Ending = 'complete' | 'cut';

export async function passOn(answer: ProviderAnswer, passing: Passing): Promise<Ending> {
  if (answer.kind === 'stream') return passStream(answer.events, passing);
  if (!passing.meter.read(answer.text)) throw new BrokenAnswer('its answer is no JSON');
  sayWhole(passing.response, answer.text);
  return 'complete';
}

/** An answer in JSON. */
export function sayWhole(response: ServerResponse, json: string): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(json) }).end(json);
}

/** Once the stream has begun, a failure is told as its last event, in the shape in which OpenAI's clients look for it. */
async function passStream(events: AsyncIterable<readonly StreamEvent[]>, passing: Passing): Promise<Ending> {
  const { response } = passing;
  try {
    return await passEvents(events, passing);
  } catch (error) {
    if (!response.headersSent || response.destroyed || response.writableEnded) throw error;
    response.end(frame({ data: JSON.stringify(asApiError(error, passing.provider).body) }));
    throw error;
  }
}

async function passEvents(events: AsyncIterable<readonly StreamEvent[]>, passing: Passing): Promise<Ending> {
  const { response, meter, signal } = passing;
  const selection = new Selection(meter, passing.usageWanted);
  for await (const batch of events) {
    passing.begun();
    const text = selection.take(batch);
    if (selection.ended) {
      if (!response.writableEnded) begin(response).end(text + endMark);
      continue; // what follows the end mark is read, so that the connection can be used again, and goes nowhere
    }
    if (text !== '' && !begin(response).write(text)) await once(response, 'drain', { signal });
    if (await meter.isBeyondReservation()) {
      passing.cut();
      begin(response).end(await ending(selection.last, passing));
      return 'cut';
    }
  }
  if (!selection.finished) throw new BrokenAnswer('its stream broke off');
  if (!response.writableEnded) begin(response).end(endMark);
  return 'complete';
}

/** Headers come with the first text and not before, so that a stream without any can still become an error, or be tried again. */
function begin(response: ServerResponse): ServerResponse {
  if (response.headersSent) return response;
  return response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
}

/** Decides which events of a stream the caller gets. */
class Selection {
  /** The last chunk in JSON. */
  last = '';
  /** A choice has come to its end. */
  finished = false;
  /** The provider's end mark was seen. */
  ended = false;
  readonly #meter: Meter;
  readonly #usageWanted: boolean;

  constructor(meter: Meter, usageWanted: boolean) {
    this.#meter = meter;
    this.#usageWanted = usageWanted;
  }

  take(batch: readonly StreamEvent[]): string {
    let text = '';
    for (const event of batch) {
      if (event.data === '[DONE]') this.finished = this.ended = true;
      else if (!this.ended && this.#passes(event.data)) text += frame(event);
    }
    return text;
  }

  #passes(data: string): boolean {
    const chunk = this.#meter.read(data);
    if (!chunk) return true;
    this.last = data;
    if (chunk.finished || chunk.failed) this.finished = true;
    return this.#usageWanted || !chunk.onlyUsage;
  }
}

const endMark = 'data: [DONE]\n\n';

const frame = ({ event, data }: StreamEvent): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;

/** The end that the provider should have made: every choice cut off for length, then usage where it was asked for. */
async function ending(lastChunk: string, { meter, usageWanted }: Passing): Promise<string> {
  const { choices, usage: _usage, ...head } = parseObject(lastChunk) ?? {};
  const list: unknown[] = Array.isArray(choices) ? choices : [];
  const [first] = list;
  const index = isObject(first) && typeof first['index'] === 'number' ? first['index'] : 0;
  const cut = frame({ data: JSON.stringify({ ...head, choices: [{ index, delta: {}, finish_reason: 'length' }] }) });
  if (!usageWanted) return cut + endMark;
  const { inputTokens, outputTokens } = await meter.used();
  const usage = { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
  return cut + frame({ data: JSON.stringify({ ...head, choices: [], usage }) }) + endMark;
}
