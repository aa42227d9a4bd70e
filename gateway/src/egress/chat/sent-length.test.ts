import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { sentLength } from './sent-length.ts';

const lengthOf = (text: string) => sentLength(Buffer.from(text));

test('a body is as long as it came, where no number in it has an exponent', () => {
  expect(lengthOf('{"n":[1,2.5],"t":"Grüße"}')).toBe(27);
});

test('a number that is longer without its exponent counts as long as it gets', () => {
  expect(lengthOf('[1E20,-1e+20,1e-6]')).toBe(18 + 3 * 17);
  const number = fc.tuple(
    fc.constantFrom('', '-'),
    fc.nat(),
    fc.constantFrom('', '.5', '.000001'),
    fc.constantFrom('e', 'E', 'e+', 'E-'),
    fc.nat(30),
  );
  fc.assert(
    fc.property(fc.array(number.map((parts) => parts.join(''))), (numbers) => {
      const body = `[${numbers.join()}]`;
      expect(JSON.stringify(JSON.parse(body)).length).toBeLessThanOrEqual(lengthOf(body));
    }),
  );
});

test('whatever looks like an exponent counts, in any bytes, and no text is made of them', () => {
  const piece = fc.constantFrom('1', '9', 'e', 'E', '+', '-', 'ü', '"', 'f');
  const bodies = fc.oneof(
    fc.array(piece, { maxLength: 50 }).map((pieces) => Buffer.from(pieces.join(''))),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const found = body.toString('latin1').match(/\d[eE](?=[+-]?\d)/g) ?? [];
      using toText = vi.spyOn(body, 'toString');
      expect(sentLength(body)).toBe(body.length + found.length * 17);
      expect(toText).not.toHaveBeenCalled();
    }),
  );
});
