import { setTimeout as pause } from 'node:timers/promises';

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
