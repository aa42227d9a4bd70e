/**
 * Follows what a call uses while it runs, so that it can be settled however it ends.
 *
 * What the provider reports at the end counts. Where it reports nothing (the caller left, the connection broke), the text that was delivered is
 * counted; and since a model may have produced more than was delivered (hidden reasoning, an answer that was never sent), no less output
 * is assumed than a fast model makes in the time that passed. Some providers report with each piece what was used so far, or before
 * the last choice has ended: that is the least of what is assumed if no more comes. Nothing is ever assumed beyond what was reserved.
 */
import type { Reported, Used } from '../budget/used.ts';
import { readChunk, type Chunk } from './chunk.ts';
import { estimateTokens } from './estimate.ts';
import { choicesOf, type ChatRequest } from './request.ts';

/** Output tokens a second that a call without usage is billed for at least. */
const assumedPerSecond = 100;

/** Tokenizers differ: a stream is taken to be beyond its reservation only when ours counts this much more than was reserved. */
const tolerance = 1.25;

/** Reasons for which a model ends what it has to say; the others cut it off. */
const ownReasons: readonly string[] = ['stop', 'tool_calls', 'function_call'];

export interface Bounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export class Meter {
  readonly #request: ChatRequest;
  readonly #bounds: Bounds;
  readonly #started: number;
  #reported: Reported | undefined;
  #soFar: Used | undefined;
  #finished = false;
  #failed = false;
  readonly #reasons: string[] = [];
  readonly #calls = new Set<string>();
  #delivered = '';
  #nextLook: number;

  /** Made when the request goes out. */
  constructor(request: ChatRequest, bounds: Bounds, now = performance.now()) {
    this.#request = request;
    this.#bounds = bounds;
    this.#started = now;
    this.#nextLook = bounds.outputTokens;
  }

  /** Takes a chunk or a whole answer; undefined when it is no JSON object. */
  read(data: string): Chunk | undefined {
    const chunk = readChunk(data);
    if (!chunk) return undefined;
    const { used, text, partial, finished, failed, reasons, calls } = chunk;
    this.#finished ||= finished;
    this.#failed ||= failed;
    this.#reasons.push(...reasons);
    this.#note(calls);
    if (used && (!partial || (this.#finished && text === ''))) this.#reported = used;
    else if (used || text !== '') {
      this.#soFar = used ?? this.#reported ?? this.#soFar; // more output: what looked like the end was none
      this.#reported = undefined;
    }
    this.#delivered += text;
    return chunk;
  }

  /** One by one: a server may send more of them than a call can take arguments. */
  #note(calls: readonly string[]): void {
    for (const name of calls) this.#calls.add(name);
  }

  /** For the whole call; undefined until then. */
  get reported(): Reported | undefined {
    return this.#reported;
  }

  /** Names of the tools that were called until now, each once. */
  get calls(): ReadonlySet<string> {
    return this.#calls;
  }

  /** Nothing failed, and the model itself has ended each choice. */
  get endedWell(): boolean {
    const all = this.#reasons.length === choicesOf(this.#request);
    return all && !this.#failed && this.#reasons.every((reason) => ownReasons.includes(reason));
  }

  /**
   * Whether the stream has gone beyond what was reserved, so the provider ignores the maximum it was given. A token is at least one
   * character, so short texts need no counting; after each count, the next waits until the rest could be used up.
   */
  async isBeyondReservation(): Promise<boolean> {
    if (this.#delivered.length <= this.#nextLook) return false;
    const left = this.#bounds.outputTokens * tolerance - (await estimateTokens(this.#delivered));
    this.#nextLook = this.#delivered.length + Math.max(64, left);
    return left < 0;
  }

  async used(now = performance.now()): Promise<Reported> {
    if (this.#reported) return this.#reported;
    const { messages, tools } = this.#request;
    const input = this.#soFar?.inputTokens ?? (await estimateTokens(JSON.stringify([messages, tools])));
    const { outputTokens: told = 0 } = this.#soFar ?? {};
    const output = Math.max(told, await estimateTokens(this.#delivered), Math.ceil(((now - this.#started) / 1000) * assumedPerSecond));
    return { inputTokens: Math.min(input, this.#bounds.inputTokens), outputTokens: Math.min(output, this.#bounds.outputTokens) };
  }
}
