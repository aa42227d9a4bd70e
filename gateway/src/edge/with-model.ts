import { fail } from './errors.ts';

interface Place {
  readonly start: number;
  /** Behind the closing quotation mark. */
  readonly end: number;
}

/** Parsers differ in which of two they take, so both are replaced. Nobody means more, and each would let the body grow. */
const mostPlaces = 2;

/**
 * Gives the same JSON object with another text as its `model`; every other byte is as it was, since what a parser would make of numbers and repeated
 * names is nobody's to decide but the agent's. `body` is an object in which `model` is a text; it is searched once. Throws `invalid_request` where
 * `model` is there more than twice; what is given throws `request_too_large` beyond `limit` bytes.
 */
export function renaming(body: Buffer, limit: number): (model: string) => Buffer {
  const places = placesOf(body);
  return (model) => {
    const renamed = withModel(body, places, Buffer.from(JSON.stringify(model)));
    if (renamed.length > limit) throw fail('request_too_large', { values: { limit } });
    return renamed;
  };
}

function placesOf(body: Buffer): Place[] {
  const places: Place[] = [];
  for (const place of modelsIn(body)) {
    if (places.length === mostPlaces) throw fail('invalid_request', { param: 'model', values: { problem } });
    places.push(place);
  }
  return places;
}
const problem = '"model" is there more than twice; leave one';

function withModel(body: Buffer, places: readonly Place[], model: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let taken = 0;
  for (const { start, end } of places) {
    pieces.push(body.subarray(taken, start), model);
    taken = end;
  }
  return Buffer.concat([...pieces, body.subarray(taken)]);
}

const [quote, backslash, colon, comma] = [0x22, 0x5c, 0x3a, 0x2c];
/** Braces; brackets are told from them by one bit. */
const [opening, closing, bracketBit] = [0x7b, 0x7d, 0x20];

/** The texts that stand as `model` of the outermost object. Nothing is made of what is passed over: bodies are large, and callers choose what is in them. */
function* modelsIn(body: Buffer): Generator<Place> {
  let [depth, isValue, isModel] = [0, false, false];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0;
    if (byte === quote) {
      const end = endOfText(body, at);
      if (depth === 1 && !isValue) isModel = saysModel(body, at, end);
      else if (depth === 1 && isModel) yield { start: at, end };
      at = end - 1;
    } else if (byte === colon || byte === comma) isValue = byte === colon;
    else if ((byte | bracketBit) === opening) depth++;
    else if ((byte | bracketBit) === closing) depth--;
  }
}

function endOfText(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === quote) return at + 1;
    if (body[at] === backslash) at++;
  }
  return body.length;
}

const model = Buffer.from('model');

/** Whether the text between quotation marks is `model`, any letter of which may be written as an escape. */
function saysModel(body: Buffer, start: number, end: number): boolean {
  let at = start + 1;
  for (const letter of model) {
    if (body[at] === letter) at += 1;
    else if (body[at] === backslash && escaped(body, at) === letter) at += 6;
    else return false;
  }
  return at === end - 1;
}

/** The character of \uXXXX. */
const escaped = (body: Buffer, at: number): number | undefined =>
  body[at + 1] === 0x75 ? Number.parseInt(body.toString('latin1', at + 2, at + 6), 16) : undefined;
