import { setTimeout as pause } from 'node:timers/promises';

/** Until nothing has been written for a second: what came last may have had rightful writes behind it. `writes` gives those since it was last asked. */
export const untilQuiet = (writes: () => readonly string[]): Promise<boolean> =>
  until('a second without writes', async () => {
    writes();
    await pause(1_000);
    return writes().length === 0;
  });

/** Asks again every 20 ms until the answer is neither false nor undefined, and returns it. Throws after `timeoutMs`, naming `what`. */
export async function until<T>(
  what: string,
  ask: () => T | false | undefined | Promise<T | false | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await pause(20);
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: last });
}
