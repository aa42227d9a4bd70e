/** What ends an attempt before its answer is complete: the caller has left, a time is up, or it is cut. */

/** The provider took longer than its ModelProvider allows. */
export class TimeUp extends Error {
  readonly seconds: number;

  constructor(seconds: number) {
    super(`no answer within ${seconds} s`);
    this.name = 'TimeUp';
    this.seconds = seconds;
  }
}

/** In seconds. */
export interface AllowedTime {
  readonly total: number;
  /** Of `total`, what earlier attempts have left. */
  readonly left: number;
  /** Until a stream begins; undefined where only the total counts. */
  readonly firstToken: number | undefined;
}

export interface CallTime extends Disposable {
  readonly signal: AbortSignal;
  /** The answer has begun. */
  readonly begun: () => void;
  readonly cut: () => void;
}

/** Must be disposed of, for the sake of its timers. */
export function callTime(gone: AbortSignal, { total, left, firstToken }: AllowedTime): CallTime {
  const ending = new AbortController();
  const cut = () => ending.abort();
  const endAfter = (seconds: number, allowed: number) => setTimeout(() => ending.abort(new TimeUp(allowed)), seconds * 1000);
  const timer = endAfter(left, total);
  const firstTimer = firstToken === undefined || firstToken >= left ? undefined : endAfter(firstToken, firstToken);
  if (gone.aborted) cut();
  gone.addEventListener('abort', cut, { once: true });
  return {
    signal: ending.signal,
    begun: () => clearTimeout(firstTimer),
    cut,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      clearTimeout(firstTimer);
      gone.removeEventListener('abort', cut);
    },
  };
}
