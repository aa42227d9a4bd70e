import type { Target } from '../targets.ts';
import { ask, type Timing } from './ask.ts';
import { bootstrap, median, shuffled, type Interval } from './statistics.ts';

/** Milliseconds, and how much more than the direct call of the same round. */
export interface Figure {
  readonly median: number;
  readonly added: Interval;
}

export interface Comparison {
  readonly first: Figure;
  readonly total: Figure;
}

export interface Plan {
  readonly rounds: number;
  readonly perRound: number;
}

const warmUp = 50;

/** Asks all targets in random order, round by round. The first target is what the others are compared with. */
export async function compare(
  targets: readonly Target[],
  mode: 'whole' | 'stream',
  { rounds, perRound }: Plan,
): Promise<Map<string, Comparison>> {
  for (const target of targets) for (let turn = 0; turn < warmUp; turn++) await ask(target, mode);
  const medians = new Map<string, Timing[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const target of shuffled(targets)) {
      const timings: Timing[] = [];
      for (let turn = 0; turn < perRound; turn++) timings.push(await ask(target, mode));
      medians
        .get(target.name)
        ?.push({ first: median(timings.map(({ first }) => first)), total: median(timings.map(({ total }) => total)) });
    }
  }
  const direct = medians.get(targets[0]?.name ?? '') ?? [];
  return new Map(
    [...medians].map(([name, found]) => [name, { first: figure(found, direct, 'first'), total: figure(found, direct, 'total') }]),
  );
}

function figure(found: readonly Timing[], direct: readonly Timing[], part: keyof Timing): Figure {
  const differences = found.map((timing, round) => timing[part] - (direct[round]?.[part] ?? NaN));
  return { median: median(found.map((timing) => timing[part])), added: bootstrap(differences) };
}
