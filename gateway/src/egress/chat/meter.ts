/**
 * Follows what a call uses while it runs, so that it can be settled however it ends.
 *
 * What the provider reports at the end counts. Where it reports nothing (the caller left, the connection broke), nobody knows what it bills, and a
 * budget holds only where no less than that is booked:
 *
 * Input: all that was reserved (worst-case.ts). Counting it by a tokenizer would not do: others make several times as many tokens of the same text,
 * templates and instructions for tools add to it, and pictures have no text.
 * Output that was delivered: a token for each byte, since no tokenizer makes more of a text.
 * Output that was not, such as hidden reasoning, an answer that was never sent, or what was under way: what a model can have made in the time in which
 * nothing came. Of a whole answer that never came, all that was reserved: the provider need not notice that nobody waits for it.
 *
 * Nothing is assumed beyond the maximum, which is what was reserved, unless more was delivered, and never more than is possible. Some providers report
 * with each piece what was used so far, or before the last choice has ended: that counts, and what came after it is added. What a provider reports is
 * told as it stands, so that who settles it can see whether it is possible.
 */
import type { Reported } from '../budget/used.ts';
import { readChunk, type Chunk } from './chunk.ts';
import { estimateTokens } from './estimate.ts';
import type { Reserved } from './operation.ts';
import { choicesOf, wantsStream, type ChatRequest } from './request.ts';

/**
 * Output tokens a second of a choice, where nothing comes. An assumption and no bound, meant to lie well above the pace of models that hide their
 * reasoning.
 */
const hiddenPerSecond = 500;

/** Milliseconds from one piece to the next in which a model that is not silent says something. */
const moment = 250;

/** Tokenizers differ: a stream is taken to be beyond its reservation only when ours counts this much more than was reserved. */
const tolerance = 1.25;

/** Reasons for which a model ends what it has to say; the others cut it off. */
const ownReasons: readonly string[] = ['stop', 'tool_calls', 'function_call'];

export class Meter {
  readonly #request: ChatRequest;
  readonly #reserved: Reserved;
  #reported: Reported | undefined;
  /** Of what came until now, as far as the provider has said. */
  #soFar: Reported | undefined;
  /** Bytes of the text that came after that. */
  #since = 0;
  /** Milliseconds in which nothing came, after that. */
  #silence = 0;
  #heardAt: number;
  /** A whole answer or a chunk has come. */
  #answered = false;
  #finished = false;
  #failed = false;
  readonly #reasons: string[] = [];
  readonly #calls = new Set<string>();
  #delivered = '';
  #bytes = 0;
  #nextLook: number;

  /** Made when the request goes out. */
  constructor(request: ChatRequest, reserved: Reserved, now = performance.now()) {
    this.#request = request;
    this.#reserved = reserved;
    this.#heardAt = now;
    this.#nextLook = reserved.outputTokens;
  }

  /** Takes a chunk or a whole answer; undefined when it is no JSON object. */
  read(data: string, now = performance.now()): Chunk | undefined {
    this.#answered = true;
    const chunk = readChunk(data);
    if (!chunk) return undefined;
    const { used, text, partial, finished, failed, reasons, calls } = chunk;
    this.#finished ||= finished;
    this.#failed ||= failed;
    this.#note(reasons, calls);
    const bytes = Buffer.byteLength(text);
    if (used && (!partial || (this.#finished && text === ''))) this.#reported = used;
    else if (used || text !== '') this.#goOn(used, bytes, now); // more output: what looked like the end was none
    this.#delivered += text;
    this.#bytes += bytes;
    return chunk;
  }

  #goOn(used: Reported | undefined, bytes: number, now: number): void {
    const said = used ?? this.#reported;
    const pause = now - this.#heardAt;
    if (said) this.#silence = 0;
    else if (pause > moment) this.#silence += pause;
    this.#since = (said ? 0 : this.#since) + (used ? 0 : bytes);
    this.#soFar = said ?? this.#soFar;
    this.#reported = undefined;
    this.#heardAt = now;
  }

  /** One by one: a server may send more of them than a call can take arguments. */
  #note(reasons: readonly string[], calls: readonly string[]): void {
    for (const reason of reasons) this.#reasons.push(reason);
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
   * byte, so short texts need no counting; after each count, the next waits until the rest could be used up.
   */
  async isBeyondReservation(): Promise<boolean> {
    if (this.#bytes <= this.#nextLook) return false;
    const left = this.#reserved.outputTokens * tolerance - (await estimateTokens(this.#delivered));
    this.#nextLook = this.#bytes + Math.max(64, left);
    return left < 0;
  }

  /** `failed`: the provider has said by an error that it works on it no more. */
  async used(failed = false, now = performance.now()): Promise<Reported> {
    if (this.#reported) return this.#reported;
    const mayGoOn = !failed && !this.#answered && !wantsStream(this.#request);
    return { ...this.#input, outputTokens: mayGoOn ? this.#reserved.outputTokens : await this.#output(now) };
  }

  /** What was written to a cache may be told at the end alone. */
  get #input(): Omit<Reported, 'outputTokens'> {
    const { inputTokens = 0, cachedTokens, cacheWriteTokens } = this.#soFar ?? {};
    return inputTokens > 0
      ? { inputTokens, cachedTokens, cacheWriteTokens, inputUntold: cacheWriteTokens === undefined }
      : { inputTokens: this.#reserved.inputTokens, inputUntold: true };
  }

  /** That the maximum was ignored is believed of a provider that says so, or has delivered more than the tolerance. */
  async #output(now: number): Promise<number> {
    const { outputTokens: reserved, possible } = this.#reserved;
    const said = this.#soFar?.outputTokens ?? 0;
    const most = said + this.#since;
    const silence = this.#silence + Math.max(now - this.#heardAt, moment); // something may be under way
    const hidden = Math.ceil((silence / 1000) * hiddenPerSecond * choicesOf(this.#request));
    if (!this.#soFar && most <= reserved) return Math.min(most + hidden, reserved); // without a tokenizer
    const least = Math.max(said, await estimateTokens(this.#delivered));
    const assumed = least > reserved * tolerance ? Math.max(least, most) : Math.max(least, Math.min(most + hidden, reserved));
    return Math.max(said, Math.min(assumed, possible.outputTokens));
  }
}
