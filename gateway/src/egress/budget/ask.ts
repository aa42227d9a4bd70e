/**
 * How much of a budget a call asks for: the worst that it can cost, and what it would be content with where that is not left.
 */
import { costOf, type MicroUsd, type Price } from './money.ts';

export interface Rung {
  /** The most output the call may produce under this rung. */
  readonly outputTokens: number;
  /** Input and output together. */
  readonly tokens: number;
  readonly microUsd: MicroUsd;
  /** Taken only if this many times the amount is free. */
  readonly headroom: number;
}

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

/** From the dearest to the cheapest; the ledger takes the first that fits. Halving keeps the list short and wastes at most half. */
export function ladder({ inputTokens, outputTokens, named, price }: Worst): Rung[] {
  const rungs: Rung[] = [];
  const least = Math.min(leastOutput, outputTokens);
  for (let output = outputTokens; ; output = Math.max(least, Math.floor(output / 2))) {
    rungs.push({
      outputTokens: output,
      tokens: inputTokens + output,
      microUsd: costOf(price, inputTokens, output),
      headroom: !named && output > modestOutput ? 4 : 1,
    });
    if (output === least) return rungs;
  }
}
