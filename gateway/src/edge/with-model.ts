/**
 * The same JSON object with another text as its `model`; every other byte is as it was, since what a parser would make of numbers and repeated names
 * is nobody's to decide but the agent's. `body` is an object in which `model` is a text.
 */
export function withModel(body: Buffer, model: string): Buffer {
  const pieces: Buffer[] = [];
  let taken = 0;
  for (const { start, end } of modelsIn(body)) {
    pieces.push(body.subarray(taken, start), Buffer.from(JSON.stringify(model)));
    taken = end;
  }
  return Buffer.concat([...pieces, body.subarray(taken)]);
}

interface Place {
  readonly start: number;
  /** Behind the closing quotation mark. */
  readonly end: number;
}

const [quote, backslash, colon, comma] = [0x22, 0x5c, 0x3a, 0x2c];
const opening = new Set([0x7b, 0x5b]);
const closing = new Set([0x7d, 0x5d]);

/** The texts that stand as `model` of the outermost object. All of them: where a name is repeated, parsers differ in which one they take. */
function* modelsIn(body: Buffer): Generator<Place> {
  let [depth, name, isValue] = [0, '', false];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0;
    if (opening.has(byte)) depth++;
    else if (closing.has(byte)) depth--;
    else if (byte === colon || byte === comma) isValue = byte === colon;
    else if (byte === quote) {
      const end = endOfText(body, at);
      if (depth === 1 && !isValue) name = String(JSON.parse(body.toString('utf8', at, end)));
      else if (depth === 1 && name === 'model') yield { start: at, end };
      at = end - 1;
    }
  }
}

function endOfText(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === quote) return at + 1;
    if (body[at] === backslash) at++;
  }
  return body.length;
}
