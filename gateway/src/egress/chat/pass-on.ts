/** Brings a provider's answer to the caller, as it comes, and lets the meter see it. */
import type { ProviderDocument } from '@cloister/tenancy';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { within, type Used } from '../budget/used.ts';
import type { Answer } from '../cache/answer-cache.ts';
import { Recording } from '../cache/recording.ts';
import { BrokenAnswer, type ProviderAnswer, type StreamEvent } from '../providers/provider.ts';
import { parseObject } from './chunk.ts';
import { asApiError } from './failures.ts';
import type { Meter } from './meter.ts';
import { frame, Selection, type Wanted } from './selection.ts';
import type { KeyOwner } from './target.ts';

export interface Passing {
  readonly response: ServerResponse;
  /** The caller asked for a stream. */
  readonly stream: boolean;
  readonly meter: Meter;
  readonly possible: Used;
  readonly provider: ProviderDocument;
  readonly whose: KeyOwner | undefined;
  readonly wanted: Wanted;
  /** Aborts when the caller has left or the time is up. */
  readonly signal: AbortSignal;
  /** Stops the provider. */
  readonly cut: () => void;
  /** Hears that the stream has begun. */
  readonly begun: () => void;
  /** Is given a whole answer that may be given again. Undefined where nobody wants it. */
  readonly keep: ((answer: Answer) => void) | undefined;
}

/** How a stream ended: `cut` when the provider went on beyond what was reserved. */
export type Ending = 'complete' | 'cut';

export async function passOn(answer: ProviderAnswer, passing: Passing): Promise<Ending> {
  if (answer.kind === 'stream') return passStream(answer.events, passing);
  const said = passing.meter.read(answer.text);
  if (!said) throw new BrokenAnswer('its answer is no JSON');
  if (said.failed || !said.isCompletion) throw new BrokenAnswer('its answer is no completion');
  if (passing.stream) throw new BrokenAnswer('its answer is no stream');
  give(answer, passing.response);
  if (passing.meter.endedWell) passing.keep?.(answer);
  return 'complete';
}

/** Sends an answer that is there as a whole. */
export function give({ kind, text }: Answer, response: ServerResponse): void {
  if (kind === 'stream') begin(response).end(text);
  else response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) }).end(text);
}

/** Once the stream has begun, a failure is told as its last event, in the shape in which OpenAI's clients look for it. */
async function passStream(events: AsyncIterable<readonly StreamEvent[]>, passing: Passing): Promise<Ending> {
  const { response } = passing;
  try {
    return await passEvents(events, passing);
  } catch (error) {
    if (!response.headersSent || response.destroyed || response.writableEnded) throw error;
    response.end(frame({ data: JSON.stringify(asApiError(error, passing).body) }));
    throw error;
  }
}

async function passEvents(events: AsyncIterable<readonly StreamEvent[]>, passing: Passing): Promise<Ending> {
  const { response, meter, signal } = passing;
  const selection = new Selection(meter, passing.wanted);
  const recording = new Recording(passing.keep);
  for await (const batch of untilEnded(events, selection, passing)) {
    passing.begun();
    const text = selection.take(batch);
    recording.add(text);
    if (selection.ended) {
      if (!response.writableEnded) begin(response).end(text + endMark);
      continue;
    }
    if (text !== '' && !begin(response).write(text)) await drained(response, signal);
    if (selection.broken !== undefined) throw new BrokenAnswer(selection.broken);
    if (await meter.isBeyondReservation()) {
      passing.cut();
      begin(response).end(await ending(selection, passing));
      return 'cut';
    }
  }
  if (!selection.finished) throw new BrokenAnswer('its stream broke off');
  if (!response.writableEnded) begin(response).end(endMark);
  if (meter.endedWell) recording.keep(endMark);
  return 'complete';
}

/** Resolves when the caller takes more. Rejects with the signal's reason, which says whether the time is up. */
async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Milliseconds in which a provider that has said that it has ended does so, if its connection is to be used again. */
const lastMoment = 500;

/** What follows the end mark is read, so that the connection can be used again, and goes nowhere. No failure there is one of the answer. */
async function* untilEnded(
  events: AsyncIterable<readonly StreamEvent[]>,
  selection: Selection,
  { cut }: Passing,
): AsyncGenerator<readonly StreamEvent[]> {
  let leaving: NodeJS.Timeout | undefined;
  try {
    for await (const batch of events) {
      yield batch;
      if (selection.ended) leaving ??= setTimeout(cut, lastMoment);
    }
  } catch (error) {
    if (!selection.ended) throw error;
  } finally {
    clearTimeout(leaving);
  }
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

const endMark = 'data: [DONE]\n\n';

/** The end that the provider should have made: every choice that goes on cut off for length, then usage where it was asked for, as it is settled. */
async function ending({ last, unended }: Selection, { meter, possible, wanted }: Passing): Promise<string> {
  const { choices: _choices, usage: _usage, ...head } = parseObject(last) ?? {};
  const ends = unended.map((index) =>
    frame({ data: JSON.stringify({ ...head, choices: [{ index, delta: {}, finish_reason: 'length' }] }) }),
  );
  const cut = ends.join('');
  if (!wanted.usage) return cut + endMark;
  const { inputTokens, outputTokens } = within(await meter.used(), possible);
  const usage = { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
  return cut + frame({ data: JSON.stringify({ ...head, choices: [], usage }) }) + endMark;
}
