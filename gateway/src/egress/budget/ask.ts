/**
 * How much of a budget a call asks for: the worst that it can cost, and what it would be content with where that is not left.
 */
import type { Amount } from './amount.ts';
import { mostOf, type Price } from './money.ts';

export interface Rung {
  /** The most output the call may produce under this rung. */
  readonly outputTokens: number;
  /** Input and output together. */
  readonly cost: Amount;
  /** Taken only if this many times the amount is free. */
  readonly headroom: bigint;
}

/** From the dearest to the cheapest, at least one. */
export type Ladder = readonly [Rung, ...Rung[]];

export interface Worst {
  /** No call can be billed for more input than this. */
  readonly inputTokens: number;
  /** What the caller asked for, or all that the model can. */
  readonly outputTokens: number;
  /** The caller named that maximum itself. */
  readonly named: boolean;
  readonly price: Price;
}

/** An answer is not cut below this to fit into a budget, unless its caller asked for less: a stump costs money and helps nobody. */
export const leastOutput = 256;

/**
 * A call that names no maximum gets more than this only where four times as much is free: models allow outputs so long that a few such
 * calls would otherwise hold a whole budget, and refuse everybody else, for answers of a few hundred tokens.
 */
export const modestOutput = 4096;

/** The first that fits is taken. Halving keeps the list short and wastes at most half. */
export function ladder({ inputTokens, outputTokens, named, price }: Worst): Ladder {
  const rungOf = (output: number): Rung => ({
    outputTokens: output,
    cost: { microUsd: mostOf(price, { inputTokens, outputTokens: output }), tokens: BigInt(inputTokens + output) },
    headroom: !named && output > modestOutput ? 4n : 1n,
  });
  const least = Math.min(leastOutput, outputTokens);
  const rungs: [Rung, ...Rung[]] = [rungOf(outputTokens)];
  for (let output = outputTokens; output !== least;) {
    output = Math.max(least, Math.floor(output / 2));
    rungs.push(rungOf(output));
  }
  return rungs;
}

/** Without the rungs that make an answer shorter than it is wanted to be, for calls that would rather wait or be another model's. */
export function unshortened([first, ...others]: Ladder, { named }: Worst): Ladder {
  const least = named ? first.outputTokens : Math.min(first.outputTokens, modestOutput);
  return [first, ...others.filter(({ outputTokens }) => outputTokens >= least)];
}

export const leastOf = (rungs: Ladder): Amount => (rungs.at(-1) ?? rungs[0]).cost;
