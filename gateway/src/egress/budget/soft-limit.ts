/**
 * How much of a budget calls may have at a moment, where its tenant wants it to last until its windows end. Pure.
 *
 * What is beyond the soft share of a limit is either kept from these calls, for cheaper ones, or released evenly from the beginning of the
 * window to its end. So never more than the limit, and while a window lasts never less than a moment before.
 */
import { larger, units } from './amount.ts';
import type { Limit, WindowKind } from './limits.ts';

export interface Soft {
  /** Share of each limit that is there from the beginning: 1 to 99. */
  readonly percent: number;
  readonly rest: 'kept' | 'released';
}

/** Milliseconds. */
export interface Progress {
  readonly elapsed: number;
  readonly length: number;
}

const day = 86_400_000;

/** How far a window is that began in this month and ends then. Days of 23 and 25 hours count as 24: an hour more or less is of no matter. */
export function progressOf(kind: WindowKind, month: string, untilEnd: number): Progress {
  const [year = 0, number = 1] = month.split('-').map(Number);
  const length = kind === 'daily' ? day : new Date(Date.UTC(year, number, 0)).getUTCDate() * day;
  return { elapsed: Math.min(Math.max(Math.floor(length - untilEnd), 0), length), length };
}

type ByWindow = Readonly<Record<WindowKind, Progress>>;

/** Limits as they are at this moment; where nobody knows how far the windows are, as they were when they began. */
export const limitsUnder = (limits: readonly Limit[], soft: Soft | undefined, progress: ByWindow | undefined): readonly Limit[] =>
  soft === undefined
    ? limits
    : limits.map((limit) => {
        const at = (amount: bigint | undefined) => amount && allowed(amount, soft, progress?.[limit.kind]);
        return { kind: limit.kind, microUsd: at(limit.microUsd), tokens: at(limit.tokens) };
      });

function allowed(limit: bigint, { percent, rest }: Soft, progress: Progress | undefined): bigint {
  if (rest === 'kept' || !progress) return (limit * BigInt(percent)) / 100n;
  const [elapsed, length] = [BigInt(progress.elapsed), BigInt(progress.length)];
  return (limit * (BigInt(percent) * length + BigInt(100 - percent) * elapsed)) / (100n * length);
}

/** Milliseconds until each limit is as high as it must be. More than is ever released is as long as the window lasts. */
export function untilReleased(
  limits: readonly Limit[],
  { percent }: Soft,
  progress: ByWindow,
  needed: (kind: WindowKind) => Readonly<Record<(typeof units)[number], bigint>>,
): number {
  let longest = 0n;
  for (const limit of limits) {
    const { elapsed, length } = progress[limit.kind];
    for (const unit of units) {
      const whole = limit[unit];
      if (!whole) continue;
      const beyond = larger(needed(limit.kind)[unit] * 100n - whole * BigInt(percent), 0n);
      const perWindow = whole * BigInt(100 - percent);
      longest = larger(longest, (beyond * BigInt(length) + perWindow - 1n) / perWindow - BigInt(elapsed));
    }
  }
  return Number(longest);
}
