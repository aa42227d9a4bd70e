import { longestAnswer, type Answer } from './answer-cache.ts';

/** What a stream has sent, as long as somebody wants to keep it and it is short enough for that. */
export class Recording {
  readonly #keep: ((answer: Answer) => void) | undefined;
  #text: string | undefined;

  constructor(keep: ((answer: Answer) => void) | undefined) {
    this.#keep = keep;
    this.#text = keep && '';
  }

  add(text: string): void {
    if (this.#text === undefined) return;
    this.#text = this.#text.length + text.length > longestAnswer ? undefined : this.#text + text;
  }

  /** The stream is whole with this end. */
  keep(end: string): void {
    if (this.#text !== undefined) this.#keep?.({ kind: 'stream', text: this.#text + end });
  }
}
