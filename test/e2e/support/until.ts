import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds. */
  readonly within: number;
  readonly every?: number;
}

/** A look that threw, kept apart from what looks may give. */
class Failure {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Looks again and again until `look` gives something. A look that throws counts as nothing seen; the last such error is the cause. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, { within, every = 50 }: UntilOptions): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    const seen = await look().catch((error: unknown) => new Failure(error));
    if (!(seen instanceof Failure) && seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) {
      throw new Error(`waited ${within} ms for ${what}`, seen instanceof Failure ? { cause: seen.error } : undefined);
    }
    await sleep(every);
  }
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('no values, so no median');
  return middle;
}
