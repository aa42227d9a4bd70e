/** Asks again until the answer is yes. For tests of what happens soon, but not when. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > withinMs) throw new Error(`not seen within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** For tests that show that something does not happen. */
export const quiet = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
