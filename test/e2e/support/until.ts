import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds. */
  readonly within: number;
  /** Pause between two looks. Without it they take a quarter of the time: kubectl's own work, for many who wait at once, would hold up what they wait for. */
  readonly every?: number | undefined;
  /** What is the matter, for the message of the error. */
  readonly explain?: () => Promise<string>;
}

/** A look that threw, kept apart from what looks may give. */
class Failure {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Looks again and again until `look` gives something. A look that throws counts as nothing seen; the last such error is told, and the cause. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, options: UntilOptions): Promise<T> {
  const { within, every, explain } = options;
  const deadline = performance.now() + within;
  for (;;) {
    const began = performance.now();
    const seen = await look().catch((error: unknown) => new Failure(error));
    if (!(seen instanceof Failure) && seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) {
      const waited = `waited ${within} ms for ${what}`;
      const why = await explain?.().catch((error: unknown) => `nor could it be told why: ${String(error)}`);
      if (!(seen instanceof Failure)) throw new Error([waited, why].filter(Boolean).join(': '));
      throw new Error([waited, why, String(seen.error)].filter(Boolean).join(': '), { cause: seen.error });
    }
    await sleep(every ?? Math.max(50, 3 * (performance.now() - began)));
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
