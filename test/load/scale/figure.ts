import { quantile } from '../measuring/statistics.ts';
import { printTable } from '../measuring/table.ts';

/** One line of the report. */
export interface Figure {
  readonly what: string;
  readonly measured: string;
  /** In words; absent: a figure to know, without a goal. */
  readonly goal?: string;
  readonly holds?: boolean;
}

export function printFigures(title: string, figures: readonly Figure[]): void {
  console.log(`\n## ${title}\n`);
  printTable(
    ['', 'goal', 'measured', ''],
    figures.map(({ what, goal = '', measured, holds }) => [what, goal, measured, holds === undefined ? '' : holds ? 'holds' : 'MISSED']),
  );
}

/** A figure that must not be above a number. */
export const atMost = (what: string, value: number, limit: number, unit: string): Figure => ({
  what,
  goal: `≤ ${limit} ${unit}`,
  measured: `${rounded(value)} ${unit}`,
  holds: value <= limit,
});

/** A figure that must not be below a number. */
export const atLeast = (what: string, value: number, limit: number, unit: string): Figure => ({
  what,
  goal: `≥ ${limit} ${unit}`,
  measured: `${rounded(value)} ${unit}`,
  holds: value >= limit,
});

export const plain = (what: string, measured: string): Figure => ({ what, measured });

export const rounded = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

export const spread = (milliseconds: readonly number[]): string =>
  `p50 ${rounded(quantile(milliseconds, 0.5))}, p90 ${rounded(quantile(milliseconds, 0.9))}, p99 ${rounded(quantile(milliseconds, 0.99))}, most ${rounded(Math.max(...milliseconds))} ms (${milliseconds.length})`;
