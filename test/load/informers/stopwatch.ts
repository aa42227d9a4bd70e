import { lastVersion } from './deployments.ts';

/** What one informer took: milliseconds on the clock and of the processor. */
export interface Taken {
  readonly list: { readonly clock: number; readonly processor: number };
  readonly events: { readonly clock: number; readonly processor: number };
  /** MiB of live JavaScript afterwards. */
  readonly heap: number;
}

/** Times an informer from the first request, over the full list, to the last event; prints what it took, and ends the process. */
export class Stopwatch {
  #at = performance.now();
  #cpu = process.cpuUsage();
  #list: Taken['list'] = { clock: NaN, processor: NaN };

  listed(): void {
    this.#list = this.#lap();
  }

  /** To be told the version of every event. */
  event(version: string | undefined): void {
    if (version !== String(lastVersion)) return;
    const taken: Taken = { list: this.#list, events: this.#lap(), heap: liveMiB() };
    process.stdout.write(JSON.stringify(taken), () => process.exit(0));
  }

  #lap(): Taken['list'] {
    const { user, system } = process.cpuUsage(this.#cpu);
    const taken = { clock: performance.now() - this.#at, processor: (user + system) / 1000 };
    this.#at = performance.now();
    this.#cpu = process.cpuUsage();
    return taken;
  }
}

function liveMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
