import { KubeRuntimeError } from '../errors.ts';
import { isRecord, parseJson, type JsonRecord } from '../json.ts';
import { eachMember, isArrayAt, isNamed, isObjectAt, itemsOf, skipSpace, skipValue } from './json-bytes.ts';
import { spanAt, textOf, type Span } from './managed-fields.ts';

/** A list as it came, whose items are parsed when somebody asks for them. */
export interface ListBody extends JsonRecord {
  /** May be gone through more than once; throws `list_invalid` at an item that is no JSON. */
  readonly items: Iterable<unknown>;
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

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw invalid(text.length); // without the parser's error: it quotes the text, which may be a Secret
  }
}

const invalid = (length: number): KubeRuntimeError => new KubeRuntimeError('list_invalid', { length });
