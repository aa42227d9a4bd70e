declare global {
  /** ECMAScript 2026, which Node has and TypeScript's own declarations have not. */
  interface JSON {
    parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/** A number could come out as another one, among more values than are looked at. */
export class TooManyValues extends Error {
  override readonly name = 'TooManyValues';

  constructor(most: number) {
    super(`expected at most ${most} values beside numbers of more than 15 digits or with an exponent; send such numbers as strings`);
  }
}

/** Digits of a number of which each can stand in a double, as they do in what `JSON.stringify` makes of it. */
const mostExact = 15;

/** Arrays and objects within each other. To write more of them again may take more stack than there is. */
const deepest = 1_000;

/**
 * JSON that is written again as it was: where a number could come out as another one, such as an id of nineteen digits, numbers stand there as
 * their text (`JSON.rawJSON`), which `JSON.stringify` writes as it is. Throws as `JSON.parse` does, and a RangeError where it is nested too deeply.
 */
export const parseExactly = (text: string): unknown => new ExactJSON(Infinity).parse(text);

/**
 * The same for several texts that somebody has made up. Only one with such a number is looked at value by value, which takes about a microsecond
 * and a hundred bytes for each: some megabytes of them would stop the process for seconds.
 */
export class ExactJSON {
  readonly #most: number;
  #looked = 0;

  /** `most` values are looked at in all texts together. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Throws as {@link parseExactly} does, and {@link TooManyValues}. */
  parse(text: string): unknown {
    const { values, depth, inexact } = shapeOf(text);
    if (depth > deepest) throw new RangeError(`nested more than ${deepest} deep`);
    if (!inexact) return JSON.parse(text);
    this.#looked += values;
    if (this.#looked > this.#most) throw new TooManyValues(this.#most);
    return JSON.parse(text, (_, value, { source }) =>
      typeof value === 'number' && source !== undefined && source !== String(value) ? JSON.rawJSON(source) : value,
    );
  }
}

interface Shape {
  /** At least as many as there are. */
  readonly values: number;
  readonly depth: number;
  /** Some number has more than 15 digits, or an exponent. All others come out as the same number. */
  readonly inexact: boolean;
}

/** Of a text that is JSON; of others it says anything. */
function shapeOf(text: string): Shape {
  let [values, open, depth, digits] = [1, 0, 0, 0];
  let inexact = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    inexact ||= digits > mostExact || (digits > 0 && isE(char));
    digits = digitsAfter(char, digits);
    if (char === '"') at = endOfString(text, at);
    else if (char === ',') values++;
    else if (opens(char)) {
      values++;
      depth = Math.max(depth, ++open);
    } else if (closes(char)) open--;
  }
  return { values, depth, inexact: inexact || digits > mostExact };
}

const isE = (char: string): boolean => char === 'e' || char === 'E';
const opens = (char: string): boolean => char === '[' || char === '{';
const closes = (char: string): boolean => char === ']' || char === '}';

function digitsAfter(char: string, digits: number): number {
  if (char >= '0' && char <= '9') return digits + 1;
  return char === '.' ? digits : 0;
}

/** Position of the quote at its end. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}
