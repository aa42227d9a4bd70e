import type { StreamEvent } from '../providers/provider.ts';
import type { Meter } from './meter.ts';

/** What the caller asked for. */
export interface Wanted {
  /** How many. */
  readonly choices: number;
  /** The usage chunk itself. */
  readonly usage: boolean;
}

/** Decides which events of a stream the caller gets. */
export class Selection {
  /** The last chunk in JSON. */
  last = '';
  /** The provider's end mark was seen. */
  ended = false;
  /** What is wrong with an event that came and is no chunk. Nothing behind it is looked at. */
  broken: string | undefined;
  readonly #meter: Meter;
  readonly #wanted: Wanted;
  /** Of those that have begun, by their index, whether they have ended. */
  readonly #choices = new Map<number, boolean>();

  constructor(meter: Meter, wanted: Wanted) {
    this.#meter = meter;
    this.#wanted = wanted;
  }

  /** As many choices as were asked for have come to their end, or the provider has said that this is all. */
  get finished(): boolean {
    return this.ended || this.#choices.size - this.unended.length >= this.#wanted.choices;
  }

  /** Indexes of the choices that have begun and not come to their end. */
  get unended(): readonly number[] {
    return [...this.#choices].flatMap(([index, ended]) => (ended ? [] : [index]));
  }

  take(batch: readonly StreamEvent[]): string {
    let text = '';
    for (const event of batch) {
      if (this.ended || this.broken !== undefined) break;
      if (event.data === '[DONE]') this.ended = true;
      else if (this.#passes(event)) text += frame(event);
    }
    return text;
  }

  #passes({ event, data }: StreamEvent): boolean {
    if (!data.startsWith('{') && data.trim() === '') return false; // as some send to keep connections open
    const chunk = this.#meter.read(data);
    if (!chunk) this.broken = 'its stream holds what is no JSON';
    else if (chunk.failed || event === 'error') this.broken = 'its stream holds an error';
    if (!chunk || this.broken !== undefined) return false;
    this.last = data;
    for (const { index, ended } of chunk.choices) if (ended || !this.#choices.has(index)) this.#choices.set(index, ended);
    return this.#wanted.usage || !chunk.onlyUsage;
  }
}

/** As it goes out. */
export const frame = ({ event, data }: StreamEvent): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.includes('\n') ? data.replaceAll('\n', '\ndata: ') : data}\n\n`;
