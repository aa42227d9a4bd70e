import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExactly } from './exact-json.ts';

const whole = fc.bigInt({ min: -(10n ** 21n), max: 10n ** 21n }).map(String);
const number = fc
  .tuple(whole, fc.stringMatching(/^(\.\d{1,20})?$/), fc.stringMatching(/^([eE][+-]?\d{1,3})?$/))
  .map((parts) => parts.join(''));
const leaf = fc.oneof(
  number,
  fc.string().map((text) => JSON.stringify(text)),
  fc.constantFrom('true', 'false', 'null', '""', '"\\\\"', '"1e9\\""'),
);
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('json')).map((list) => `[${list.join()}]`),
    fc
      .array(fc.tuple(fc.string(), tie('json')))
      .map((list) => `{${list.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
  ),
}));
/** With all of its numbers as their digits. */
const digitsOf = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown, { source }) => (typeof value === 'number' ? decimal(source ?? '') : value));

/** A number by its digits without noughts at either end, and their place. */
function decimal(source: string): string {
  const [, sign = '', before = '', behind = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = (before + behind).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  return significant === '' ? '0' : `${sign}${significant}e${Number(exponent) - behind.length + digits.length - significant.length}`;
}

test('JSON that was parsed exactly is written again with the same numbers, to the last digit', () => {
  fc.assert(
    fc.property(json, (text) => {
      expect(digitsOf(JSON.stringify(parseExactly(text)))).toEqual(digitsOf(text));
    }),
  );
});
