import { KubeRuntimeError } from '../errors.ts';
import { isRecord, parseJson, type JsonRecord } from '../json.ts';
import { eachMember, isArrayAt, isNamed, isObjectAt, itemsOf, skipSpace, skipValue, type Member } from './json-bytes.ts';

/** A list as it came, whose items are parsed when somebody asks for them. */
export interface ListBody extends JsonRecord {
  /** May be gone through more than once; throws `list_invalid` at an item that is no JSON. */
  readonly items: Iterable<unknown>;
}

/** The bytes of an item, `[from, to)`, less what nobody wants of it, `[cutFrom, cutTo)`. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly cutFrom: number;
  readonly cutTo: number;
}

/**
 * Takes the JSON of a Kubernetes list apart without building it: the tree of a whole page would be too large to die young, and half of it is
 * managedFields, which no reader of a list wants. So its bytes are walked, and each item is parsed by itself, without its managedFields.
 *
 * Undefined for JSON of any other shape, such as an empty list with `null` for items. Throws `list_invalid` for what is no JSON.
 */
export function readListBody(body: Buffer): ListBody | undefined {
  const start = skipSpace(body, 0);
  if (!isObjectAt(body, start)) return undefined;
  let [from, to] = [0, 0];
  const spans: Span[] = [];
  try {
    eachMember(body, start, (member) => {
      if (!isNamed(body, member, 'items') || !isArrayAt(body, member.value)) return skipValue(body, member.value);
      from = member.value;
      spans.length = 0; // of two members of one name JSON.parse takes the last
      to = itemsOf(body, from, (at) => {
        const span = spanAt(body, at);
        spans.push(span);
        return span.to;
      });
      return to;
    });
  } catch {
    throw invalid(body.length);
  }
  if (to === 0) return undefined;
  const rest = parsed(`${body.toString('utf8', start, from)}[]${body.toString('utf8', to)}`);
  if (!isRecord(rest)) throw invalid(body.length);
  return { ...rest, items: { [Symbol.iterator]: () => spans.values().map((span) => parsed(textOf(body, span))) } };
}

function spanAt(body: Buffer, from: number): Span {
  let [cutFrom, cutTo] = [0, 0];
  if (!isObjectAt(body, from)) return { from, to: skipValue(body, from), cutFrom, cutTo };
  const within = (member: Member): number => {
    const end = skipValue(body, member.value);
    if (isNamed(body, member, 'managedFields')) [cutFrom, cutTo] = withComma(body, member, end);
    return end;
  };
  const to = eachMember(body, from, (member) =>
    isNamed(body, member, 'metadata') && isObjectAt(body, member.value)
      ? eachMember(body, member.value, within)
      : skipValue(body, member.value),
  );
  return { from, to, cutFrom, cutTo };
}

/** What has to go with a member so that the others are still an object: the comma before it, or the one after it where it is the first. */
function withComma(body: Buffer, { name, comma }: Member, end: number): [number, number] {
  if (comma !== undefined) return [comma, end];
  const next = skipSpace(body, end);
  return [name, body[next] === 0x2c ? next + 1 : end];
}

const textOf = (body: Buffer, { from, to, cutFrom, cutTo }: Span): string =>
  cutTo === 0 ? body.toString('utf8', from, to) : body.toString('utf8', from, cutFrom) + body.toString('utf8', cutTo, to);

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw invalid(text.length); // without the parser's error: it quotes the text, which may be a Secret
  }
}

const invalid = (length: number): KubeRuntimeError => new KubeRuntimeError('list_invalid', { length });
