import type { Dispatcher } from 'undici';

/** In bytes. Whoever sends more than this ahead of who reads is held back. */
const mostAhead = 64 * 1024;

/** Pieces of an answer as they come in, for one reader, who gets together what came together. One that stops reading ends the answer. */
export class Pieces implements AsyncIterable<Buffer> {
  readonly #sender: Dispatcher.DispatchController;
  readonly #leave: () => void;
  #ahead: Buffer[] = [];
  #size = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: () => void = () => undefined;

  /** `leave` hears that nobody reads any more before the end. */
  constructor(sender: Dispatcher.DispatchController, leave: () => void) {
    this.#sender = sender;
    this.#leave = leave;
  }

  add(piece: Buffer): void {
    this.#ahead.push(piece);
    this.#size += piece.length;
    if (this.#size >= mostAhead) this.#sender.pause();
    this.#wake();
  }

  /** With an error where the answer broke off: it is told behind what came before it. */
  end(error?: Error): void {
    this.#end ??= { error };
    this.#wake();
  }

  /** Nothing of what came is of interest any more. */
  giveUp(error: Error): void {
    this.#ahead = [];
    this.end(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        if (this.#ahead.length > 0) yield this.#take();
        else if (this.#end?.error) throw this.#end.error;
        else if (this.#end) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      if (!this.#end) this.#leave();
    }
  }

  #take(): Buffer {
    const [first] = this.#ahead;
    const taken = first && this.#ahead.length === 1 ? first : Buffer.concat(this.#ahead, this.#size);
    this.#ahead = [];
    this.#size = 0;
    this.#sender.resume();
    return taken;
  }
}
