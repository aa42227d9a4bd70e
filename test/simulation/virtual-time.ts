/**
 * Time that passes only when it is told to.
 *
 * Timers, Date and performance.now stand still; what is really asynchronous (promises, WebCrypto's threads) goes on. `rest` waits until
 * nothing of that is under way, so that the next choice always meets the same state.
 */
import { setImmediate as atNextTurn } from 'node:timers';
import { vi } from 'vitest';
import type { SeededRandom } from './random.ts';

/** Every run begins here, whatever the day. */
export const beginning = Date.parse('2026-03-01T08:00:00Z');

/** What is worked on by other threads, and ends when it likes. */
const threaded = ['generateKey', 'exportKey', 'importKey', 'sign', 'digest'] as const;

const nextTurn = (): Promise<void> => new Promise((resolve) => void atNextTurn(resolve));

export class VirtualTime implements Disposable {
  #inThreads = 0;

  /** `Math.random` follows the seed from here on, too. */
  constructor(random: SeededRandom, now: number = beginning) {
    vi.useFakeTimers({ now, toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] });
    vi.spyOn(Math, 'random').mockImplementation(() => random.next());
    for (const method of threaded) this.#count(method);
  }

  /** Resolves once nothing moves by itself. */
  async rest(): Promise<void> {
    do await nextTurn();
    while (this.#inThreads > 0);
  }

  /** To the next timer. False when there is none. */
  advance(): boolean {
    if (vi.getTimerCount() === 0) return false;
    vi.advanceTimersToNextTimer();
    return true;
  }

  /** By so many milliseconds, whatever falls into them. */
  pass(ms: number): void {
    vi.advanceTimersByTime(ms);
  }

  [Symbol.dispose](): void {
    vi.clearAllTimers();
    vi.useRealTimers();
    vi.restoreAllMocks();
    for (const method of threaded) Reflect.deleteProperty(crypto.subtle, method);
  }

  /** Stands before the method of the prototype until it is taken away again. */
  #count(method: (typeof threaded)[number]): void {
    const real: unknown = Reflect.get(Reflect.getPrototypeOf(crypto.subtle) ?? {}, method);
    if (typeof real !== 'function') throw new Error(`crypto.subtle has no ${method}`);
    const counted = (...args: readonly unknown[]): Promise<unknown> => {
      this.#inThreads++;
      const work: unknown = Reflect.apply(real, crypto.subtle, args);
      return Promise.resolve(work).finally(() => this.#inThreads--);
    };
    Object.defineProperty(crypto.subtle, method, { configurable: true, value: counted });
  }
}
