import { KubeError } from '../errors.ts';
import { deadline, type Deadline } from '../time/deadline.ts';
import { sleep } from '../time/sleep.ts';
import type { ApiRequest } from './request.ts';
import type { Wire } from './wire.ts';

export interface OutageTimings {
  /** Milliseconds without any answer, with requests that got none, that count as an outage of the server rather than as trouble of one connection. */
  readonly outageMs: number;
  /** Milliseconds over which those who waited come back once it is over, at random. */
  readonly returnMs: number;
}

/**
 * A wire that knows when the server answers again.
 *
 * An outage begins with a request that gets no answer and ends with the next answer of any kind but 429 and 5xx. Its end cuts short what `pause` waits
 * for, so that who had just begun a long pause need not sit it out. A server that answers some and drops others, as one under too much load, never
 * seems to be away for long enough, and everybody's own pauses stand.
 */
export class AttentiveWire implements Wire {
  readonly #wire: Wire;
  readonly #timings: OutageTimings;
  readonly #waiting = new Set<Deadline>();
  #since: number | undefined;

  constructor(wire: Wire, timings: OutageTimings) {
    this.#wire = wire;
    this.#timings = timings;
  }

  send(request: ApiRequest, as?: 'list'): Promise<unknown> {
    return this.#heed(this.#wire.send(request, as));
  }

  stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<AsyncIterable<Buffer>> {
    return this.#heed(this.#wire.stream(request));
  }

  /** Waits, for a request that got no answer. True when the server came back meanwhile and the wait was cut short. */
  async pause(ms: number, signal: AbortSignal): Promise<boolean> {
    const until = performance.now() + ms;
    using wait = deadline(ms, signal, () => undefined);
    this.#waiting.add(wait);
    const whole = await sleep(ms, wait.signal);
    this.#waiting.delete(wait);
    if (whole || wait.expired || signal.aborted) return false;
    await sleep(Math.min(until - performance.now(), Math.random() * this.#timings.returnMs), signal);
    return true;
  }

  async #heed<T>(answer: Promise<T>): Promise<T> {
    try {
      const given = await answer;
      this.#answered();
      return given;
    } catch (error) {
      if (error instanceof KubeError) this.#refused(error);
      throw error; // anything else is its sender's own doing, and tells nothing of the server
    }
  }

  #refused({ status }: KubeError): void {
    if (status === 0) this.#since ??= performance.now();
    else if (status !== 429 && status < 500) this.#answered();
  }

  #answered(): void {
    const since = this.#since;
    this.#since = undefined;
    if (since === undefined || performance.now() - since < this.#timings.outageMs) return;
    for (const waiting of this.#waiting) waiting.abort(undefined);
  }
}
