/** The body of a watch: pieces are put in on one side, and read in order on the other. */
export class ByteStream implements AsyncIterable<Buffer> {
  readonly #pieces: Buffer[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  get ended(): boolean {
    return this.#end !== undefined;
  }

  push(piece: string): void {
    if (this.#end) return;
    this.#pieces.push(Buffer.from(piece));
    this.#wake();
  }

  /** Ends as when the server hangs up in good order. What was pushed before is still read. */
  end(): void {
    this.#end ??= {};
    this.#wake();
  }

  /** Ends as when the connection breaks: reading rejects at once. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#pieces.length = 0;
    this.#end = { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) yield piece;
      else if (this.#end && 'error' in this.#end) throw this.#end.error;
      else if (this.#end) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
