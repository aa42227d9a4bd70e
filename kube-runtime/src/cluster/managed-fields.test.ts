import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRecord } from '../json.ts';
import { textOfEvent } from './managed-fields.ts';

function withoutManagedFields(event: unknown): unknown {
  if (!isRecord(event) || !isRecord(event['object']) || !isRecord(event['object']['metadata'])) return event;
  const { managedFields: _, ...metadata } = event['object']['metadata'];
  return { ...event, object: { ...event['object'], metadata } };
}
const read = (line: string): unknown => JSON.parse(textOfEvent(Buffer.from(line)));

const value = fc.jsonValue({ maxDepth: 2, stringUnit: 'grapheme' });
const names = fc.constantFrom('managedFields', 'metadata', 'object', 'type', 'name', 'ü"\\ {[,', '');
/** An object with a member of this name among others, in any order; now and then without it. */
const holding = (name: string, what: fc.Arbitrary<unknown>): fc.Arbitrary<object> =>
  fc
    .tuple(fc.dictionary(fc.oneof(names, fc.string()), value, { maxKeys: 4 }), fc.option(what, { freq: 8 }), fc.nat(4))
    .map(([others, held, at]) => {
      const entries: [string, unknown][] = Object.entries(others).filter(([other]) => other !== name);
      return Object.fromEntries(held === null ? entries : entries.toSpliced(at, 0, [name, held]));
    });
const event = holding('object', holding('metadata', holding('managedFields', value)));

test('a watch event loses the managedFields of its object and nothing else, wherever they stand', () => {
  let cut = 0;
  fc.assert(
    fc.property(event, fc.constantFrom(undefined, 1, ' \t'), (given, indent) => {
      const line = JSON.stringify(given, null, indent);
      const wanted = withoutManagedFields(JSON.parse(line));
      expect(read(line)).toEqual(wanted);
      if (JSON.stringify(wanted) !== JSON.stringify(given)) cut++;
    }),
    { numRuns: 2_000 },
  );
  expect(cut).toBeGreaterThan(1_000);
});

test.each(['', '{', '{"type":"ADDED","object":{"metadata":{"managedFields":[', '{"type" "ADDED"}', 'null', '[1]', '{"object":7}'])(
  'what is no event comes out as it is: %j',
  (line) => {
    expect(textOfEvent(Buffer.from(line))).toBe(line);
  },
);
