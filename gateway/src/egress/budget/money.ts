/**
 * Money is counted in whole micro-dollars (bigint), so that sums are exact. Costs are rounded up, limits down: a rounding never lets a
 * tenant spend more than its limit.
 */

export type MicroUsd = bigint;

const micro = 1_000_000n;

/** A price of p dollars per million tokens is p micro-dollars a token; kept to six decimals, which is a trillionth of a dollar. */
export interface Price {
  readonly inputPicoUsd: bigint;
  readonly outputPicoUsd: bigint;
}

export const priceOf = ({ inputPerMillion, outputPerMillion }: { inputPerMillion: number; outputPerMillion: number }): Price => ({
  inputPicoUsd: millionths(inputPerMillion, Math.ceil),
  outputPicoUsd: millionths(outputPerMillion, Math.ceil),
});

export const limitOf = (usd: number): MicroUsd => millionths(usd, Math.floor);

export function costOf({ inputPicoUsd, outputPicoUsd }: Price, inputTokens: number, outputTokens: number): MicroUsd {
  const pico = BigInt(inputTokens) * inputPicoUsd + BigInt(outputTokens) * outputPicoUsd;
  return (pico + micro - 1n) / micro;
}

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
