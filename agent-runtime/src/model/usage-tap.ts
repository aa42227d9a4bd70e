import { z } from 'zod';

const count = z.int().nonnegative().default(0);
/** Some models have their reasoning in the total alone, and leave out what is nought. */
export const usage = z
  .object({ prompt_tokens: z.int().nonnegative(), completion_tokens: count, total_tokens: count.catch(0) })
  .transform(({ prompt_tokens, completion_tokens, total_tokens }) => ({
    inputTokens: prompt_tokens,
    outputTokens: Math.max(completion_tokens, total_tokens - prompt_tokens),
  }));
const counted = z.object({ usage, choices: z.array(z.unknown()).optional() });

export interface Tokens {
  /** Of input and output together. */
  readonly tokens: number;
  /** Of a stream: the chunk holds usage and nothing else. */
  readonly alone: boolean;
}

/** What a completion, or a chunk of one, says that the call has used. Undefined where it does not say. */
export function tokensIn(json: string): Tokens | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined; // the caller gets it as it is; an agent only passes on
  }
  const { data } = counted.safeParse(value);
  return data && { tokens: data.usage.inputTokens + data.usage.outputTokens, alone: data.choices?.length === 0 };
}

const endOfEvent = '\n\n';

/**
 * Reads the usage out of a streamed completion that passes by, and takes its chunk out where the caller did not ask for it. Every event passes
 * on as soon as it is whole, unparsed unless it holds usage.
 */
export class UsageTap {
  /** Known once the usage has passed. */
  tokens: number | undefined;
  readonly #keep: boolean;
  #rest: Buffer = Buffer.alloc(0);

  constructor({ keep }: { readonly keep: boolean }) {
    this.#keep = keep;
  }

  /** What of the stream may go out once `bytes` have come. */
  take(bytes: Buffer): Buffer {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    const end = all.lastIndexOf(endOfEvent);
    const whole = end < 0 ? all.subarray(0, 0) : all.subarray(0, end + endOfEvent.length);
    this.#rest = all.subarray(whole.length);
    return this.#withoutUsage(whole);
  }

  /** What is left of a stream that has ended within an event. */
  get rest(): Buffer {
    return this.#rest;
  }

  #withoutUsage(events: Buffer): Buffer {
    const at = events.lastIndexOf('"usage"');
    if (at < 0 || !/^"usage"\s*:\s*\{/.test(events.toString('latin1', at, at + 32))) return events;
    const before = events.lastIndexOf(endOfEvent, at);
    const begin = before < 0 ? 0 : before + endOfEvent.length;
    const end = events.indexOf(endOfEvent, at) + endOfEvent.length;
    const found = tokensIn(dataOf(events.toString('utf8', begin, end)));
    if (!found) return events;
    this.tokens = found.tokens;
    return found.alone && !this.#keep ? Buffer.concat([events.subarray(0, begin), events.subarray(end)]) : events;
  }
}

const dataOf = (event: string): string =>
  event
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length))
    .join('\n');
