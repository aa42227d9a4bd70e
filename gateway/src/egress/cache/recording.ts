import { longestAnswer } from './answer-cache.ts';

/** What a stream has sent, as long as that is short enough to be kept. */
export class Recording {
  #text: string | undefined = '';

  add(text: string): void {
    if (this.#text === undefined) return;
    this.#text = this.#text.length + text.length > longestAnswer ? undefined : this.#text + text;
  }

  /** Undefined where it became too long. */
  get text(): string | undefined {
    return this.#text;
  }
}
