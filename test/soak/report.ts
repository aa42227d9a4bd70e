import type { Processes, Sample } from './processes.ts';

export interface Outcome {
  readonly seed: number;
  /** The commit; `-dirty` where there was more than it. */
  readonly revision: string;
  readonly began: string;
  readonly minutes: number;
  readonly rounds: number;
  readonly steps: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly answered: Readonly<Record<string, number>>;
  readonly suites: readonly string[];
  readonly violations: readonly string[];
  readonly processes: Processes;
  /** False while it goes on, and for one that was cut off. */
  readonly ended: boolean;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const hour = 3_600_000;

/** Least squares, in what `of` gives for an hour; the first quarter, in which caches fill, is left out. */
export function slopePerHour(samples: readonly Sample[], of: (sample: Sample) => number): number | undefined {
  const settled = samples.slice(Math.ceil(samples.length / 4));
  if (settled.length < 3) return undefined;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanAt, meanValue] = [mean(settled.map(({ at }) => at)), mean(settled.map(of))];
  const spread = settled.reduce((sum, { at }) => sum + (at - meanAt) ** 2, 0);
  return spread === 0 ? undefined : (settled.reduce((sum, one) => sum + (one.at - meanAt) * (of(one) - meanValue), 0) / spread) * hour;
}

function lineOf([process, samples]: readonly [string, readonly Sample[]]): string {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return `  ${process}: never seen`;
  const slope = slopePerHour(samples, ({ rss }) => rss);
  const growth = slope === undefined ? '' : `, ${slope < 0 ? '' : '+'}${(slope / 2 ** 20).toFixed(1)} MiB an hour`;
  const minutes = ((last.at - first.at) / 60_000).toFixed(0);
  return `  ${process}: ${mebibytes(first.rss)} → ${mebibytes(last.rss)}${growth}, ${first.handles} → ${last.handles} handles, ${samples.length} samples in ${minutes} minutes`;
}

export function reportOf(outcome: Outcome): string {
  const { seed, revision, began, minutes, rounds, steps, faults, answered, suites, violations, processes, ended } = outcome;
  return [
    `SEED=${seed}, revision ${revision}, begun ${began}${ended ? '' : ', not ended'}`,
    `${minutes.toFixed(1)} minutes, ${rounds} rounds, ${steps} changes by people`,
    'answers:',
    ...Object.entries(answered).map(([who, count]) => `  ${who}: ${count}`),
    'faults:',
    ...[...faults].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => `  ${name}: ${count}`),
    'processes:',
    ...[...processes.samples].map(lineOf),
    'fresh seeds:',
    ...(suites.length > 0 ? suites.map((line) => `  ${line}`) : ['  none: too short a time']),
    violations.length === 0 ? 'no violation' : `${violations.length} violations:`,
    ...violations.map((violation) => `  ${violation}`),
    '',
  ].join('\n');
}
