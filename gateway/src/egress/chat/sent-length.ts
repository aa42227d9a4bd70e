/** 1e20, which is four characters, goes out as 21. No number gains more. */
const mostGained = 17;

/**
 * Bytes of a body that came in, once it is written again, at most. What looks like a number with an exponent in a text counts as one: the text may
 * hold JSON that a provider's own protocol has taken apart. Read byte by byte, since a list of the places where one stands can be many times as large
 * as the body.
 */
export function sentLength(body: Buffer): number {
  let exponents = 0;
  for (let at = 1; at < body.length; at++) if (isExponent(body, at)) exponents++;
  return body.length + exponents * mostGained;
}

const [letterE, lowerCase, plus, minus] = [0x65, 0x20, 0x2b, 0x2d];

function isExponent(body: Buffer, at: number): boolean {
  if (((body[at] ?? 0) | lowerCase) !== letterE || !isDigit(body[at - 1])) return false;
  const next = body[at + 1];
  return isDigit(next) || ((next === plus || next === minus) && isDigit(body[at + 2]));
}

const isDigit = (byte = 0): boolean => byte >= 0x30 && byte <= 0x39;
