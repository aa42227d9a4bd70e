import type { Mode, Target } from '../gateway/target.ts';
import { ask, type Timing } from './ask.ts';
import { bootstrap, median, quantile, shuffled, type Interval } from './statistics.ts';

export interface Plan {
  readonly rounds: number;
  readonly perRound: number;
}

const warmUp = 200;

/** What one target took, in milliseconds. */
export class Timings {
  readonly #rounds: Timing[] = [];
  readonly #all: Timing[] = [];

  addRound(timings: readonly Timing[]): void {
    this.#all.push(...timings);
    this.#rounds.push({ first: median(timings.map(({ first }) => first)), total: median(timings.map(({ total }) => total)) });
  }

  /** Median of the rounds' medians. */
  middle(part: keyof Timing): number {
    return median(this.#of(part));
  }

  /** Of all requests. */
  quantile(part: keyof Timing, share: number): number {
    return quantile(
      this.#all.map((timing) => timing[part]),
      share,
    );
  }

  /** How much more than another took in the same round. */
  over(other: Timings, part: keyof Timing): Interval {
    return bootstrap(this.#differences(other, part));
  }

  /** How many times as much more than `direct` as another, in the same round. */
  ratio(other: Timings, direct: Timings, part: keyof Timing): Interval {
    const theirs = other.#differences(direct, part);
    return bootstrap(this.#differences(direct, part).map((difference, round) => difference / (theirs[round] ?? NaN)));
  }

  #of(part: keyof Timing): number[] {
    return this.#rounds.map((timing) => timing[part]);
  }

  #differences(other: Timings, part: keyof Timing): number[] {
    const theirs = other.#of(part);
    return this.#of(part).map((time, round) => time - (theirs[round] ?? NaN));
  }
}

/** Asks all targets, one request after the other, in random order, round by round. */
export async function compare(targets: readonly Target[], mode: Mode, { rounds, perRound }: Plan): Promise<Map<string, Timings>> {
  for (const target of targets) for (let turn = 0; turn < warmUp; turn++) await ask(target, mode);
  const found = new Map(targets.map(({ name }) => [name, new Timings()]));
  for (let round = 0; round < rounds; round++) {
    for (const target of shuffled(targets)) {
      const timings: Timing[] = [];
      for (let turn = 0; turn < perRound; turn++) timings.push(await ask(target, mode));
      found.get(target.name)?.addRound(timings);
    }
  }
  return found;
}
