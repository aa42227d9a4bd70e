/**
 * Walks JSON (RFC 8259) as bytes of UTF-8, for who wants to know where something stands before it is parsed. Finds ends by brackets and quotes
 * alone: what lies between is for a parser to judge. Every function throws RangeError where the text ends too early or is no such thing.
 */
const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** A member of an object: positions of its first bytes. */
export interface Member {
  /** Of its name's quote. */
  readonly name: number;
  readonly value: number;
  /** Of the comma that parts it from the member before; the first has none. */
  readonly comma: number | undefined;
}

export const isObjectAt = (text: Buffer, at: number): boolean => text[at] === openBrace;
export const isArrayAt = (text: Buffer, at: number): boolean => text[at] === openBracket;

/** Whether a member has this name, which must be such that JSON has no need to escape it. */
export function isNamed(text: Buffer, { name: at }: Member, name: string): boolean {
  if (text[at + name.length + 1] !== quote) return false;
  for (let index = 0; index < name.length; index++) if (text[at + 1 + index] !== name.charCodeAt(index)) return false;
  return true;
}

/** Tells of each member of the object at `at`, and is told where its value ends. Returns where the object ends. */
export function eachMember(text: Buffer, at: number, member: (member: Member) => number): number {
  let name = skipSpace(text, at + 1);
  let before: number | undefined;
  if (text[name] === closeBrace) return name + 1;
  for (;;) {
    if (text[name] !== quote) throw misplaced(name);
    const between = skipSpace(text, skipString(text, name));
    if (text[between] !== colon) throw misplaced(between);
    const end = skipSpace(text, member({ name, value: skipSpace(text, between + 1), comma: before }));
    if (text[end] === closeBrace) return end + 1;
    if (text[end] !== comma) throw misplaced(end);
    before = end;
    name = skipSpace(text, end + 1);
  }
}

/** Tells of each item of the array at `at`, and is told where it ends. Returns where the array ends. */
export function itemsOf(text: Buffer, at: number, item: (at: number) => number): number {
  let next = skipSpace(text, at + 1);
  if (text[next] === closeBracket) return next + 1;
  for (;;) {
    const end = skipSpace(text, item(next));
    if (text[end] === closeBracket) return end + 1;
    if (text[end] !== comma) throw misplaced(end);
    next = skipSpace(text, end + 1);
  }
}

export function skipSpace(text: Buffer, at: number): number {
  let next = at;
  while (isSpace(text[next])) next++;
  return next;
}

/** Where the value at `at` ends. */
export function skipValue(text: Buffer, at: number): number {
  const first = text[at];
  if (first === quote) return skipString(text, at);
  if (first === openBrace || first === openBracket) return skipNested(text, at);
  let next = at;
  while (next < text.length && !endsScalar(text[next])) next++;
  if (next === at || next === text.length) throw misplaced(next);
  return next;
}

function skipNested(text: Buffer, at: number): number {
  let depth = 0;
  for (let next = at; next < text.length; next++) {
    const byte = text[next];
    if (byte === quote) next = skipString(text, next) - 1;
    else if (byte === openBrace || byte === openBracket) depth++;
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return next + 1;
  }
  throw misplaced(text.length);
}

function skipString(text: Buffer, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    const byte = text[next];
    if (byte === quote) return next + 1;
    if (byte === backslash) next++;
  }
  throw misplaced(text.length);
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const endsScalar = (byte: number | undefined): boolean => byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte);
const misplaced = (at: number): RangeError => new RangeError(`no JSON at byte ${at}`);
