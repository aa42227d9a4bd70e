/** A signal that follows the given one, or, without one, SIGTERM and SIGINT. Disposing takes the listeners off the process again. */
export function untilTerminated(given: AbortSignal | undefined): { readonly signal: AbortSignal } & Disposable {
  if (given) return { signal: given, [Symbol.dispose]: () => undefined };
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
    },
  };
}
