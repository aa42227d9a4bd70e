/** Like `Promise.all`, but over only when all of it is: who sees the rejection leaves nothing running behind. */
export async function together<T extends readonly Promise<unknown>[] | []>(work: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
