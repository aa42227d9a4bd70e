/** What somebody may want of an object: right specs, ones that the schema lets through though they cannot be followed, and ones that it refuses. */
import fc from 'fast-check';

export type Spec = Readonly<Record<string, unknown>>;

/** `unfulfillable`: nobody refuses it, and something is not as it says. */
export type Sort = 'valid' | 'unfulfillable' | 'refused';

export interface Wish {
  readonly sort: Sort;
  readonly spec: Spec;
}

/** Right specs of one kind, and what spoils them, in the place of their own fields. */
export interface Wishes {
  readonly valid: fc.Arbitrary<Spec>;
  readonly unfulfillable: readonly Spec[];
  readonly refused: readonly Spec[];
}

export const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

/** Of these fields, those that have a value. */
export const record = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Spec> =>
  fc.record(fields).map((spec) => Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)));

export const upTo = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });

export function wishesFrom({ valid, unfulfillable, refused }: Wishes): fc.Arbitrary<Wish> {
  const spoilt = (flaws: readonly Spec[]) => fc.tuple(valid, fc.constantFrom(...flaws)).map(([good, flaw]) => ({ ...good, ...flaw }));
  const sorted = (sort: Sort, spec: fc.Arbitrary<Spec>) => spec.map((value): Wish => ({ sort, spec: value }));
  return fc.oneof(sorted('valid', valid), sorted('unfulfillable', spoilt(unfulfillable)), {
    weight: 1,
    arbitrary: sorted('refused', spoilt(refused)),
  });
}
