/**
 * A signal that aborts with its parent or after a time, whichever is first, and can be let go of.
 *
 * `AbortSignal.any` would do the same, but keeps hold of every derived signal for as long as a long-lived parent lives in some runtimes.
 */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** True when the time was up, rather than the parent aborted. */
  readonly expired: boolean;
  abort(reason: unknown): void;
  /** Starts the time again. */
  extend(ms: number): void;
}

export function deadline(ms: number, parent: AbortSignal | undefined, reason: () => unknown): Deadline {
  const controller = new AbortController();
  let expired = false;
  const expire = (): void => {
    expired = true;
    controller.abort(reason());
  };
  let timer = setTimeout(expire, ms);
  const follow = (): void => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    abort: (why) => controller.abort(why),
    extend(again) {
      clearTimeout(timer);
      if (!controller.signal.aborted) timer = setTimeout(expire, again);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent?.removeEventListener('abort', follow);
    },
  };
}
