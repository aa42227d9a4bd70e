import type { Mode, Target } from '../gateway/target.ts';
import { ask } from './ask.ts';
import { bootstrap, median, quantile, shuffled, type Interval } from './statistics.ts';

export interface Load {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time of the target's processes for one request: holds on a busy machine too, unlike the rate. */
  readonly cpu: number;
  /** The same of whatever stands behind all targets. */
  readonly behind: number;
}

export interface LoadPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  /** What is asked for; a whole answer where nothing is said. */
  readonly mode?: Mode;
}

/** What one target carried, round by round. */
export class Loads {
  readonly #rounds: Load[] = [];

  addRound(load: Load): void {
    this.#rounds.push(load);
  }

  middle(part: keyof Load): number {
    return median(this.#of(part));
  }

  /** How many times as much as another in the same round. */
  ratio(other: Loads, part: keyof Load): Interval {
    const theirs = other.#of(part);
    return bootstrap(this.#of(part).map((figure, round) => figure / (theirs[round] ?? NaN)));
  }

  over(other: Loads, part: keyof Load): Interval {
    const theirs = other.#of(part);
    return bootstrap(this.#of(part).map((figure, round) => figure - (theirs[round] ?? NaN)));
  }

  #of(part: keyof Load): number[] {
    return this.#rounds.map((load) => load[part]);
  }
}

/**
 * As many requests as get through, over a fixed number of connections; one target at a time, in random order. `cpuBehind` tells the processor
 * time so far of what all of them use, in microseconds.
 */
export async function loadOf(
  targets: readonly Target[],
  { rounds, ...plan }: LoadPlan,
  cpuBehind: () => number = () => 0,
): Promise<Map<string, Loads>> {
  const found = new Map(targets.map(({ name }) => [name, new Loads()]));
  for (let round = 0; round < rounds; round++) {
    for (const target of shuffled(targets)) found.get(target.name)?.addRound(await loadOnce(target, plan, cpuBehind));
  }
  return found;
}

async function loadOnce(
  target: Target,
  { seconds, connections, mode = 'whole' }: Omit<LoadPlan, 'rounds'>,
  cpuBehind: () => number,
): Promise<Load> {
  const totals: number[] = [];
  const before = { cpu: target.cpu(), behind: cpuBehind() };
  const started = performance.now();
  const until = started + seconds * 1000;
  const worker = async () => {
    while (performance.now() < until) totals.push((await ask(target, mode)).total);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const elapsed = (performance.now() - started) / 1000;
  const cpu = (target.cpu() - before.cpu) / totals.length;
  const behind = (cpuBehind() - before.behind) / totals.length;
  return { perSecond: totals.length / elapsed, p50: median(totals), p99: quantile(totals, 0.99), cpu, behind };
}
