/** Reads a streamed chat completion. */
import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { fail } from '../errors.ts';
import { chunksOf } from './bytes.ts';
import { usage } from './usage-tap.ts';

export type CompletionEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'usage'; readonly inputTokens: number; readonly outputTokens: number };

const chunkShape = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.unknown().optional(), refusal: z.unknown().optional() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: usage.nullish().catch(undefined),
  error: z.unknown().optional(),
});

/**
 * Yields what the model says, as it arrives. Throws `model_interrupted` when the stream breaks, carries an error, is no chat completion or
 * ends without saying why: a part must never pass for a whole.
 */
export async function* completionEvents(body: Readable): AsyncGenerator<CompletionEvent, void, undefined> {
  const pending: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => pending.push(data) });
  const decoder = new TextDecoder();
  let finished = false;
  for await (const bytes of arriving(body)) {
    parser.feed(decoder.decode(bytes, { stream: true }));
    for (const data of pending.splice(0)) {
      if (data === '[DONE]') continue;
      for (const event of eventsOf(data)) {
        finished ||= event.type === 'finish';
        yield event;
      }
    }
  }
  if (!finished) throw fail('model_interrupted');
}

async function* arriving(body: Readable): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* chunksOf(body);
  } catch (cause) {
    throw fail('model_interrupted', { cause });
  }
}

function eventsOf(data: string): CompletionEvent[] {
  const { choices, usage: used } = parseChunk(data);
  const events: CompletionEvent[] = [];
  for (const { delta, finish_reason } of choices ?? []) {
    const text = textIn(delta?.content ?? delta?.refusal);
    if (text !== '') events.push({ type: 'text', text });
    if (finish_reason != null) events.push({ type: 'finish', reason: finish_reason });
  }
  if (used) events.push({ type: 'usage', ...used });
  return events;
}

const textPart = z.object({ type: z.literal('text'), text: z.string() });

/** As one, or in the parts of a list, among which others may be, such as a model's thinking. What has another shape is no text. */
function textIn(said: unknown): string {
  if (!Array.isArray(said)) return typeof said === 'string' ? said : '';
  return said.map((part) => textPart.safeParse(part).data?.text ?? '').join('');
}

function parseChunk(data: string): z.infer<typeof chunkShape> {
  try {
    const chunk = chunkShape.parse(JSON.parse(data));
    if (chunk.error === undefined || chunk.error === null) return chunk;
  } catch {
    // Neither parser's message may travel on: both can quote the answer.
  }
  throw fail('model_interrupted');
}
