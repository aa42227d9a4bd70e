import type { Processes } from './processes.ts';

export interface Outcome {
  readonly seed: number;
  readonly minutes: number;
  readonly rounds: number;
  readonly steps: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly answered: number;
  readonly suites: readonly string[];
  readonly violations: readonly string[];
  readonly processes: Processes;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

export function reportOf(outcome: Outcome): string {
  const { seed, minutes, rounds, steps, faults, answered, suites, violations, processes } = outcome;
  const largest = [...processes.samples].map(([process, samples]) => {
    const [first, last] = [samples[0], samples.at(-1)];
    const held =
      first && last ? `${mebibytes(first.rss)} → ${mebibytes(last.rss)}, ${first.handles} → ${last.handles} handles` : 'never seen';
    return `  ${process}: ${held} in ${samples.length} samples`;
  });
  return [
    '',
    `SEED=${seed}: ${minutes.toFixed(1)} minutes, ${rounds} rounds, ${steps} changes by people, ${answered} answers to callers`,
    'faults:',
    ...[...faults].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => `  ${name}: ${count}`),
    'processes:',
    ...largest,
    ...(suites.length > 0 ? ['fresh seeds:', ...suites.map((line) => `  ${line}`)] : []),
    violations.length === 0 ? 'no violation' : `${violations.length} violations:`,
    ...violations.map((violation) => `  ${violation}`),
  ].join('\n');
}
