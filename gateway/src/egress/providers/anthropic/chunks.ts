/**
 * A stream of the Messages API as a stream of chat completion chunks.
 *
 * Guarantees: each batch of events that came in together goes on together, when it came, and nothing is read ahead of whoever takes it; usage
 * is told only when it is final, so that a stream that breaks off is never billed for the little that had been counted when it began.
 */
import { z } from 'zod';
import { BrokenAnswer, type StreamEvent } from '../provider.ts';
import { finishOf, usage, usageOf, type Usage } from './answer.ts';
import { parseExactly } from './exact-json.ts';

/** What is no usage is none: the answer goes on. */
const said = usage.optional().catch(undefined);

const event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message: z.object({ id: z.string(), model: z.string(), usage: said }) }),
  z.object({
    type: z.literal('content_block_start'),
    index: z.number(),
    content_block: z.looseObject({
      type: z.string(),
      id: z.string().optional(),
      name: z.string().optional(),
      text: z.string().optional(),
      input: z.unknown().optional(),
    }),
  }),
  z.object({
    type: z.literal('content_block_delta'),
    index: z.number(),
    delta: z.looseObject({ type: z.string(), text: z.string().optional(), partial_json: z.string().optional() }),
  }),
  z.object({ type: z.literal('content_block_stop'), index: z.number() }),
  z.object({ type: z.literal('message_delta'), delta: z.looseObject({ stop_reason: z.string().nullish() }), usage: said }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('error'), error: z.looseObject({ type: z.string().optional() }) }),
]);
type Event = z.infer<typeof event>;

/** Throws {@link BrokenAnswer} where the provider reports an error in mid-stream. */
export async function* chunksOf(events: AsyncIterable<readonly StreamEvent[]>): AsyncGenerator<readonly StreamEvent[]> {
  const translation = new Translation();
  for await (const batch of events) {
    const chunks = batch.flatMap(({ data }) => translation.take(data));
    if (chunks.length > 0) yield chunks.map((data) => ({ data }));
    if (translation.failure) throw translation.failure;
  }
}

interface Call {
  /** Among the calls of tools. */
  readonly place: number;
  /** All of its arguments, of servers that do not send them in pieces. */
  readonly input: unknown;
  /** Arguments have gone on. */
  told: boolean;
}

class Translation {
  /** Told after what came before it. */
  failure: BrokenAnswer | undefined;
  #head: object = {};
  #usage: Usage = {};
  /** By the index of the block. */
  readonly #calls = new Map<number, Call>();

  /** JSON texts of chunks. Events that are not known are passed over: the API adds kinds (`ping` is one) without a new version. */
  take(data: string): readonly string[] {
    const known = parseEvent(data);
    if (!known || this.failure) return [];
    switch (known.type) {
      case 'message_start':
        return this.#start(known.message);
      case 'content_block_start':
        return this.#startBlock(known.index, known.content_block);
      case 'content_block_delta':
        return this.#grow(known.index, known.delta);
      case 'content_block_stop':
        return this.#endBlock(known.index);
      case 'message_delta':
        this.#learn(known.usage);
        return typeof known.delta.stop_reason === 'string' ? [this.#chunk({}, finishOf(known.delta.stop_reason))] : [];
      case 'message_stop':
        return [...this.#told(), '[DONE]'];
      case 'error':
        this.failure = new BrokenAnswer(`its stream ended with ${errorName(known.error.type)}`);
        return [];
    }
  }

  #start({ id, model, usage: said }: Extract<Event, { type: 'message_start' }>['message']): readonly string[] {
    this.#learn(said);
    this.#head = { id, object: 'chat.completion.chunk', created: Math.floor(Date.now() / 1000), model };
    return [this.#chunk({ role: 'assistant', content: '' })];
  }

  #startBlock(
    index: number,
    { type, id, name, text, input }: Extract<Event, { type: 'content_block_start' }>['content_block'],
  ): readonly string[] {
    if (type === 'tool_use') {
      const place = this.#calls.size;
      this.#calls.set(index, { place, input, told: false });
      return [this.#chunk({ tool_calls: [{ index: place, id, type: 'function', function: { name, arguments: '' } }] })];
    }
    return type === 'text' && text ? [this.#chunk({ content: text })] : [];
  }

  #grow(index: number, { type, text, partial_json: json }: Extract<Event, { type: 'content_block_delta' }>['delta']): readonly string[] {
    if (type === 'text_delta' && text) return [this.#chunk({ content: text })];
    const call = this.#calls.get(index);
    return type === 'input_json_delta' && call && json ? [this.#arguments(call, json)] : [];
  }

  /** Arguments of which no piece came are there already, or there are none; a client parses them, so they are never an empty text. */
  #endBlock(index: number): readonly string[] {
    const call = this.#calls.get(index);
    return call && !call.told ? [this.#arguments(call, JSON.stringify(call.input ?? {}))] : [];
  }

  #arguments(call: Call, json: string): string {
    call.told = true;
    return this.#chunk({ tool_calls: [{ index: call.place, function: { arguments: json } }] });
  }

  /** Counts are cumulative; those at the end may leave out what was said at the beginning. */
  #learn(said: Usage = {}): void {
    this.#usage = { ...this.#usage, ...Object.fromEntries(Object.entries(said).filter(([, count]) => typeof count === 'number')) };
  }

  #told(): readonly string[] {
    const used = usageOf(this.#usage);
    return used ? [JSON.stringify({ ...this.#head, choices: [], usage: used })] : [];
  }

  #chunk(delta: object, finish_reason: string | null = null): string {
    return JSON.stringify({ ...this.#head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] });
  }
}

/** Names of errors, and no other words of the provider's. */
const errorName = (type = ''): string => (/^[a-z_]{1,40}$/.test(type) ? type : 'an error');

function parseEvent(data: string): Event | undefined {
  try {
    const known = event.safeParse(JSON.parse(data)).data;
    // numbers that have to stay as they are can only be in the arguments of a tool
    const hasInput = known?.type === 'content_block_start' && known.content_block.type === 'tool_use';
    return hasInput ? event.safeParse(parseExactly(data)).data : known;
  } catch {
    return undefined;
  }
}
