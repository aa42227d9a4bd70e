/** Says what happens, with the seconds since the beginning, one line a step: `  12.3s  kubelet registered`. */
export class Progress {
  readonly #started = performance.now();
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void = (line) => process.stderr.write(`${line}\n`)) {
    this.#write = write;
  }

  say(what: string): void {
    this.#write(`${seconds(this.elapsed).padStart(7)}  ${what}`);
  }

  /** Runs a step and says how long it took once it is done. */
  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const before = performance.now();
    const result = await work();
    this.say(`${what} (${seconds(performance.now() - before)})`);
    return result;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return performance.now() - this.#started;
  }
}

export function silent(): Progress {
  return new Progress(() => undefined);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)}s`;
}
