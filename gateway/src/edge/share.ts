import { hash } from 'node:crypto';

/** One of several who share requests. */
export interface Sharer {
  readonly name: string;
  readonly weight: number;
}

/** Above 0 and below 1, evenly. */
export type Chance = (name: string) => number;

/** Who gets the next request, and who in its place, and so on; nobody of weight 0. The first one with a probability of weight ÷ sum of the weights. */
export function inTurn<T extends Sharer>(sharers: readonly T[], chance: Chance): T[] {
  // A race of exponential clocks: the one with the rate w is first with the probability w ÷ sum, and without it the same holds for the others.
  const timed = sharers
    .filter(({ weight }) => weight > 0)
    .map((sharer) => ({ sharer, time: -Math.log(chance(sharer.name)) / sharer.weight }));
  return timed.sort((a, b) => a.time - b.time).map(({ sharer }) => sharer);
}

export const anyChance: Chance = () => 1 - Math.random();

/**
 * The same for the same session, on every replica, without remembering anything. Where one weight grows, sessions move to that sharer alone,
 * and no more than its share has grown by (rendezvous hashing).
 */
export const chanceOf =
  (session: string, split: string): Chance =>
  (name) =>
    (Number.parseInt(hash('sha256', JSON.stringify([split, session, name]), 'hex').slice(0, 12), 16) + 0.5) / 2 ** 48;
