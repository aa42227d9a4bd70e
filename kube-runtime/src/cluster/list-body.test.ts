import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRecord } from '../json.ts';
import { readListBody } from './list-body.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
/** What a parser makes of the whole, as it should come out. */
function whole(text: string): unknown {
  const list: unknown = JSON.parse(text);
  if (!isRecord(list) || !Array.isArray(list['items'])) return undefined;
  return { ...list, items: list['items'].map(withoutManagedFields) };
}
function withoutManagedFields(item: unknown): unknown {
  if (!isRecord(item) || !isRecord(item['metadata'])) return item;
  const { managedFields: _, ...metadata } = item['metadata'];
  return { ...item, metadata };
}
function read(text: string): unknown {
  const list = readListBody(bytes(text));
  return list && { ...list, items: [...list.items] };
}

const value = fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' });
const names = fc.constantFrom('managedFields', 'metadata', 'items', 'name', 'spec', 'ü"\\ {[,', '');
const record = (more: fc.Arbitrary<unknown>) => fc.dictionary(fc.oneof(names, fc.string()), more, { maxKeys: 5 });
const item = fc.oneof(
  { weight: 5, arbitrary: record(fc.oneof(value, record(fc.oneof(value, record(value))))) },
  { weight: 1, arbitrary: value },
);
const list = record(value).chain((rest) => fc.array(item, { maxLength: 5 }).map((items) => ({ ...rest, items })));
const written = fc.tuple(list, fc.constantFrom(undefined, 1, '\t', ' \r\n')).map(([given, indent]) => JSON.stringify(given, null, indent));

describe('a list taken apart as bytes', () => {
  test('comes out as a parser would have it, less the managedFields of its items', () => {
    fc.assert(
      fc.property(written, (text) => {
        expect(read(text)).toEqual(whole(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('that is cut off or damaged anywhere is refused wherever a parser refuses it, and its text is not repeated', () => {
    const damage = fc.record({ at: fc.nat(), by: fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '\\', 'x', '0') });
    const withoutCut = fc
      .array(record(value), { minLength: 1, maxLength: 3 })
      .map((items) => JSON.stringify({ metadata: { secret: 'geheim' }, items }));
    let refused = 0;
    fc.assert(
      fc.property(withoutCut, damage, fc.boolean(), (text, { at, by }, cut) => {
        const place = at % text.length;
        const damaged = (cut ? text.slice(0, place) : text.slice(0, place) + by + text.slice(place + 1)).toWellFormed();
        let good: unknown;
        try {
          good = whole(damaged);
        } catch {
          refused++;
          let [error, list]: unknown[] = [];
          try {
            list = read(damaged);
          } catch (thrown) {
            error = thrown;
          }
          if (list === undefined && error === undefined) return; // left to the parser
          expect(error).toMatchObject({ code: 'list_invalid' });
          expect(String(error)).not.toContain('geheim');
          return;
        }
        expect(read(damaged)).toEqual(good);
      }),
      { numRuns: 5_000 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });

  test.each([
    ['first', '{"managedFields":[{"a":"]}"}],"name":"a"}'],
    ['in the middle', '{"name":"a","managedFields":[],"uid":"u"}'],
    ['last', '{"name":"a", "managedFields":[{"fieldsV1":{"f:x":{}}}]}'],
    ['all there is', '{ "managedFields" : null }'],
  ])('leaves metadata whole without managedFields that stand %s', (_, metadata) => {
    const text = `{"kind":"PodList","items":[{"metadata":${metadata},"spec":{"managedFields":["kept"]}}],"metadata":{"resourceVersion":"7"}}`;
    expect(read(text)).toEqual(whole(text));
  });

  test.each(['null', '[]', '{}', '{"items":null}', '{"items":{"items":[]}}'])('leaves %s to a parser', (text) => {
    expect(readListBody(bytes(text))).toBeUndefined();
  });

  test('parses no item before it is asked for', () => {
    const list = readListBody(bytes('{"items":[{"a":1},{"a":x}]}'));
    const items = list?.items[Symbol.iterator]();
    expect(items?.next().value).toEqual({ a: 1 });
    expect(() => items?.next()).toThrow('is no JSON');
  });
});
