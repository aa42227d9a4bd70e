/** Money and tokens, which are reserved, spent and given back together. */

export interface Amount {
  readonly microUsd: bigint;
  readonly tokens: bigint;
}

export const units = ['microUsd', 'tokens'] as const;
export type Unit = (typeof units)[number];

export const each = (of: (unit: Unit) => bigint): Amount => ({ microUsd: of('microUsd'), tokens: of('tokens') });

export const nothing: Amount = each(() => 0n);

export const plus = (one: Amount, other: Amount): Amount => each((unit) => one[unit] + other[unit]);
export const minus = (one: Amount, other: Amount): Amount => each((unit) => one[unit] - other[unit]);
export const times = (amount: Amount, factor: bigint): Amount => each((unit) => amount[unit] * factor);
export const isNothing = ({ microUsd, tokens }: Amount): boolean => microUsd === 0n && tokens === 0n;

/** What is below zero in either unit is taken as zero. */
export const atLeastNothing = (amount: Amount): Amount => each((unit) => larger(amount[unit], 0n));

export const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other);
export const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other);
