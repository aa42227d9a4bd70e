/**
 * Money is counted in whole micro-dollars (bigint), so that sums are exact. Costs are rounded up, limits down: a rounding never lets a
 * tenant spend more than its limit.
 */
import { larger } from './amount.ts';
import type { Reported, Used } from './used.ts';

export type MicroUsd = bigint;

const micro = 1_000_000n;

/** A price of p dollars per million tokens is p micro-dollars a token; kept to six decimals, which is a trillionth of a dollar. */
export interface Price {
  readonly inputPicoUsd: bigint;
  /** Of input that the provider had in its cache. */
  readonly cachedPicoUsd: bigint;
  /** Of input that it wrote there. */
  readonly cacheWritePicoUsd: bigint;
  readonly outputPicoUsd: bigint;
}

/** In dollars for a million tokens. What has no price of its own costs what input does. */
export interface PriceList {
  readonly inputPerMillion: number;
  readonly cachedInputPerMillion?: number | undefined;
  readonly cacheWritePerMillion?: number | undefined;
  readonly outputPerMillion: number;
}

export const priceOf = ({
  inputPerMillion,
  cachedInputPerMillion = inputPerMillion,
  cacheWritePerMillion = inputPerMillion,
  outputPerMillion,
}: PriceList): Price => ({
  inputPicoUsd: millionths(inputPerMillion, Math.ceil),
  cachedPicoUsd: millionths(cachedInputPerMillion, Math.ceil),
  cacheWritePicoUsd: millionths(cacheWritePerMillion, Math.ceil),
  outputPicoUsd: millionths(outputPerMillion, Math.ceil),
});

export const limitOf = (usd: number): MicroUsd => millionths(usd, Math.floor);

/** What was used, at the price of each part; parts are part of their whole ({@link within}). Input of which nobody has told is at the dearest. */
export function costOf(price: Price, used: Reported): MicroUsd {
  const { inputTokens, cachedTokens = 0, cacheWriteTokens = 0, outputTokens, inputUntold } = used;
  if (inputUntold) return mostOf(price, used);
  const plain = inputTokens - cachedTokens - cacheWriteTokens;
  return roundedUp(
    BigInt(plain) * price.inputPicoUsd +
      BigInt(cachedTokens) * price.cachedPicoUsd +
      BigInt(cacheWriteTokens) * price.cacheWritePicoUsd +
      BigInt(outputTokens) * price.outputPicoUsd,
  );
}

/** The most that so many tokens can cost: what a provider has in its cache, and what it writes there, is its own affair. */
export const mostOf = (price: Price, { inputTokens, outputTokens }: Used): MicroUsd =>
  roundedUp(BigInt(inputTokens) * dearestInputOf(price) + BigInt(outputTokens) * price.outputPicoUsd);

export const dearestInputOf = ({ inputPicoUsd, cachedPicoUsd, cacheWritePicoUsd }: Price): bigint =>
  larger(inputPicoUsd, larger(cachedPicoUsd, cacheWritePicoUsd));

const roundedUp = (pico: bigint): MicroUsd => (pico + micro - 1n) / micro;

/**
 * Six decimals are exact: 0.07 × 10⁶ is 70000.00000000001 in binary floating point, and is meant as 70,000. What is further off than
 * such noise is rounded as asked.
 */
function millionths(amount: number, round: (value: number) => number): bigint {
  const scaled = amount * 1e6;
  const nearest = Math.round(scaled);
  const noise = Math.max(1e-6, Math.abs(scaled) * 1e-12);
  return BigInt(Math.abs(scaled - nearest) <= noise ? nearest : round(scaled));
}
