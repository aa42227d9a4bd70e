import type { BaseObject } from '../resource.ts';
import { sleep } from '../time/sleep.ts';
import { dictionaryBytes, type Held } from './held.ts';
import type { Store } from './store.ts';

/** A cache of fewer objects takes too little memory to care. */
const worthwhile = 200;
/** What changed or came so lately may well change again, or be read: after a start all that was listed is. */
export const restMs = 25_000;
/** Between two sweeps, however soon the next object is due. */
const betweenMs = 5_000;
/** A sweep lets others work after so much time, for so long: it takes a fifth of the processor at most. */
const sliceMs = 4;
const pauseMs = 16;

/** Packs the objects of one store that have not changed for a while. Does nothing while nothing changes. */
export class Packing<T extends BaseObject> {
  readonly #store: Store<T>;
  readonly #signal: AbortSignal;
  #dictionary: Buffer | undefined;
  #sweeping = false;
  /** Something may be there that is not packed. */
  #news = false;

  constructor(store: Store<T>, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  /** To be called after changes. */
  soon(): void {
    this.#news = true;
    if (this.#sweeping || this.#store.size < worthwhile) return;
    this.#sweeping = true;
    void this.#sweep().finally(() => (this.#sweeping = false));
  }

  async #sweep(): Promise<void> {
    let due = restMs;
    while (this.#news && (await sleep(due, this.#signal))) {
      this.#news = false;
      due = restMs;
      let until = performance.now() + sliceMs;
      for (const held of this.#store.all()) {
        if (held.packed) continue;
        const left = held.since + restMs - performance.now();
        if (left > 0) {
          this.#news = true;
          due = Math.max(betweenMs, Math.min(due, left));
          continue;
        }
        held.pack(this.#dictionaryFrom(held));
        if (performance.now() < until) continue;
        if (!(await sleep(pauseMs, this.#signal))) return;
        until = performance.now() + sliceMs;
      }
    }
  }

  #dictionaryFrom(held: Held<T>): Buffer {
    this.#dictionary ??= Buffer.from(held.text).subarray(0, dictionaryBytes);
    return this.#dictionary;
  }
}
