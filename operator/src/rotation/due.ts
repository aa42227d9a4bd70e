import { createHash } from 'node:crypto';

export interface Due {
  /** No credential gets older than this. 0: only on demand. */
  readonly maxAgeDays: number;
  /** Whose credential it is: those that were made on one day are not replaced on one day. */
  readonly holder: string;
  /** Text of the request that stands; undefined: none. */
  readonly request: string | undefined;
}

const dayMs = 86_400_000;
/** The last part of its life, over which the replacements of credentials of one age are spread. */
const spreadOver = 0.25;

/** Whether a credential has to be replaced: it is old, or somebody asked for it since it was made. */
export function isDue(made: { readonly madeAt: Date; readonly request: string | undefined }, due: Due, now: Date): boolean {
  if (due.request !== undefined && due.request !== made.request) return true;
  return dueInMs(made.madeAt, due, now) <= 0;
}

/** In how many milliseconds it is old. Never: Infinity. */
export const dueInMs = (madeAt: Date, due: Omit<Due, 'request'>, now: Date): number =>
  due.maxAgeDays > 0 ? madeAt.getTime() + lifeOf(due) * dayMs - now.getTime() : Infinity;

/** Days that this holder's credentials live: the same each time, so that the spread stays. */
const lifeOf = ({ maxAgeDays, holder }: Omit<Due, 'request'>): number => maxAgeDays * (1 - spreadOver * fraction(holder));

const fraction = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
