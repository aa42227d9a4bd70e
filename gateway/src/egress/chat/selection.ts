import type { StreamEvent } from '../providers/provider.ts';
import type { Meter } from './meter.ts';

/** Decides which events of a stream the caller gets. */
export class Selection {
  /** The last chunk in JSON. */
  last = '';
  /** A choice has come to its end. */
  finished = false;
  /** The provider's end mark was seen. */
  ended = false;
  /** What is wrong with an event that came and is no chunk. Nothing behind it is looked at. */
  broken: string | undefined;
  readonly #meter: Meter;
  readonly #usageWanted: boolean;

  constructor(meter: Meter, usageWanted: boolean) {
    this.#meter = meter;
    this.#usageWanted = usageWanted;
  }

  take(batch: readonly StreamEvent[]): string {
    let text = '';
    for (const event of batch) {
      if (this.ended || this.broken !== undefined) break;
      if (event.data === '[DONE]') this.finished = this.ended = true;
      else if (this.#passes(event)) text += frame(event);
    }
    return text;
  }

  #passes({ event, data }: StreamEvent): boolean {
    if (data.trim() === '') return false; // as some send to keep connections open
    const chunk = this.#meter.read(data);
    if (!chunk) this.broken = 'its stream holds what is no JSON';
    else if (chunk.failed || event === 'error') this.broken = 'its stream holds an error';
    if (!chunk || this.broken !== undefined) return false;
    this.last = data;
    if (chunk.finished) this.finished = true;
    return this.#usageWanted || !chunk.onlyUsage;
  }
}

/** As it goes out. */
export const frame = ({ event, data }: StreamEvent): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;
