export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** 95 % percentile bootstrap of the median. */
export function bootstrap(values: readonly number[], resamples = 2000): Interval {
  const medians = Array.from({ length: resamples }, () => median(resampled(values)));
  return { median: median(values), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

/** Between which two a quantile of `these`, divided by the same one of `those`, lies in 95 of 100 percentile bootstraps. */
export function bootstrapRatio(
  these: readonly number[],
  those: readonly number[],
  share: number,
  resamples = 2000,
): Omit<Interval, 'median'> {
  const ratios = Array.from({ length: resamples }, () => quantile(resampled(these), share) / quantile(resampled(those), share));
  return { low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}

const resampled = (values: readonly number[]): number[] => values.map(() => values[Math.floor(Math.random() * values.length)] ?? NaN);

export function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
