/** What contents are generated from. */
import fc from 'fast-check';

export const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
export const some = <T>(values: fc.Arbitrary<T>, ...names: readonly string[]): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.constantFrom(...names), values, { maxKeys: names.length, noNullPrototype: true });
export const word = fc.constantFrom('1', '2');
export const optional = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });

export const isFull = (map: object): boolean => Object.keys(map).length > 0;

const condition = fc.record({
  type: fc.constantFrom('One', 'Two'),
  status: fc.constantFrom('True', 'False'),
  reason: fc.constant('Why'),
  message: fc.constantFrom('', 'so'),
  lastTransitionTime: fc.constant('2026-01-01T00:00:00Z'),
});
export const conditions = fc.uniqueArray(condition, { minLength: 1, maxLength: 2, selector: ({ type }) => type });
