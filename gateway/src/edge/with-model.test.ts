import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withModel } from './with-model.ts';

const renamed = (text: string) => withModel(Buffer.from(text), 'next').toString();

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
  ['letters beyond ASCII', '{"ä":"→","model":"old"}', '{"ä":"→","model":"next"}'],
])('another model leaves %s', (_, text, expected) => {
  expect(renamed(text)).toBe(expected);
});

test('of a name that is repeated no parser finds the old text', () => {
  expect(renamed('{"model":"old","model":"old"}')).toBe('{"model":"next","model":"next"}');
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
      const text = withModel(Buffer.from(JSON.stringify(all)), 'next').toString();
      expect(text).toBe(JSON.stringify({ ...all, model: 'next' }));
    }),
  );
});
