/** Waits; returns early, without an error, when the signal aborts. True when the whole time passed. */
export function sleep(ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve(false);
      return;
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', cut);
      resolve(true);
    }, ms);
    const cut = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    signal?.addEventListener('abort', cut, { once: true });
  });
}
