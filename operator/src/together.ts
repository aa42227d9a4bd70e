/** Like `Promise.all`, but over only when all of it is: who sees the rejection leaves nothing running behind. */
export async function together<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
