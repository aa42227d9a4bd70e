const secondMs = 1_000;

/** How many requests came lately. Times in milliseconds. */
export class Pace {
  #since: number;
  #lastAt = -Infinity;
  #count = 0;
  #before = 0;

  constructor(now: number) {
    this.#since = now;
  }

  count(now: number): void {
    this.#turn(now);
    this.#count++;
    this.#lastAt = now;
  }

  /** How many are to be expected within a second: as many as came in this one or the one before. 0 where that is less than two, or none came for a second. */
  wish(now: number): number {
    this.#turn(now);
    const pace = Math.max(this.#count, this.#before);
    return pace < 2 || now - this.#lastAt >= secondMs ? 0 : pace;
  }

  #turn(now: number): void {
    const seconds = Math.floor((now - this.#since) / secondMs);
    if (seconds === 0) return;
    this.#before = seconds === 1 ? this.#count : 0;
    this.#count = 0;
    this.#since += seconds * secondMs;
  }
}
