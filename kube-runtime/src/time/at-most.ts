/** Waits for the work, but no longer than that; the work itself goes on. */
export async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(over.resolve, ms, undefined);
  await Promise.race([work, over.promise]).finally(() => clearTimeout(timer));
}
