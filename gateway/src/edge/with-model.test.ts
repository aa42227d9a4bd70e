import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renaming } from './with-model.ts';

const renamed = (text: string, limit = 1e6) => renaming(Buffer.from(text), limit)('next').toString();

test.each([
  [
    'numbers as they were written',
    '{"seed":12345678901234567890,"t":1.0,"model":"old"}',
    '{"seed":12345678901234567890,"t":1.0,"model":"next"}',
  ],
  ['white space', ' {\n"model" :\t"old" , "a": [ ] }\n', ' {\n"model" :\t"next" , "a": [ ] }\n'],
  [
    'what is called so elsewhere',
    '{"model":"old","a":{"model":"old"},"b":["model","old"]}',
    '{"model":"next","a":{"model":"old"},"b":["model","old"]}',
  ],
  ['a repeated name that is no text', '{"model":{"a":"b"},"model":"old"}', '{"model":{"a":"b"},"model":"next"}'],
  ['texts that look like it', '{"a":"\\"model\\":\\"old\\"","model":"old"}', '{"a":"\\"model\\":\\"old\\"","model":"next"}'],
  ['a name with escapes, of which this is one', '{"mod\\u0065l":"o\\u006cd"}', '{"mod\\u0065l":"next"}'],
  [
    'names with other escapes',
    '{"mod\\u0065":"a","mode\\u006c2":"b","\\\\model":"c","mod\\nl":"d","MODEL":"e","model":"old"}',
    '{"mod\\u0065":"a","mode\\u006c2":"b","\\\\model":"c","mod\\nl":"d","MODEL":"e","model":"next"}',
  ],
  ['letters beyond ASCII', '{"ä":"→","model":"old"}', '{"ä":"→","model":"next"}'],
])('another model leaves %s', (_, text, expected) => {
  expect(renamed(text)).toBe(expected);
});

test('of a name that is repeated no parser finds the old text', () => {
  expect(renamed('{"model":"old","model":"old"}')).toBe('{"model":"next","model":"next"}');
});

test('a name that is there more often than two parsers could differ on is refused', () => {
  expect(() => renamed('{"model":"a","model":"b","mode\\u006C":"c"}')).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('"model" is there more than twice') as string }),
  );
});

test('what would be beyond the limit is refused, as it would be from a caller', () => {
  expect(renamed('{"model":"a"}', 16)).toBe('{"model":"next"}');
  expect(() => renamed('{"model":"a"}', 15)).toThrow(expect.objectContaining({ code: 'request_too_large' }));
});

test('a body is searched once, for however many agents', () => {
  const body = Buffer.from('{"model":"a"}');
  const rename = renaming(body, 100);
  body.fill(0x20, 2, 7); // the name is gone, so who looks again would not find it
  expect(rename('next').toString()).toBe('{"     ":"next"}');
  expect(rename('other').toString()).toBe('{"     ":"other"}');
});

test('whatever else the object holds is the same', () => {
  const object = fc.tuple(
    fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
    fc.string(),
    fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
  );
  fc.assert(
    fc.property(object, ([before, model, after]) => {
      const all = { ...before, model, ...after, ...('model' in after && { model }) };
      const text = renamed(JSON.stringify(all));
      expect(text).toBe(JSON.stringify({ ...all, model: 'next' }));
    }),
  );
});
