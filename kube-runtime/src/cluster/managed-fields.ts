/**
 * Objects as text, less their managedFields: these are often half of it, and no reader of a list or watch wants them. To find them among the bytes
 * takes less than to parse them.
 */
import { eachMember, isNamed, isObjectAt, skipSpace, skipValue, type Member } from './json-bytes.ts';

/** The bytes of an object, `[from, to)`, less what nobody wants of it, `[cutFrom, cutTo)`. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly cutFrom: number;
  readonly cutTo: number;
}

/** Throws RangeError where no value ends. */
export function spanAt(body: Buffer, from: number): Span {
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

export const textOf = (body: Buffer, { from, to, cutFrom, cutTo }: Span): string =>
  cutTo === 0 ? body.toString('utf8', from, to) : body.toString('utf8', from, cutFrom) + body.toString('utf8', cutTo, to);

/** A watch event, less the managedFields of its object. What is no JSON comes out as it is: a parser will say so. */
export function textOfEvent(line: Buffer): string {
  let [from, to] = [0, 0];
  const member = (event: Member): number => {
    if (!isNamed(line, event, 'object')) return skipValue(line, event.value);
    const span = spanAt(line, event.value);
    [from, to] = [span.cutFrom, span.cutTo]; // of two members of one name JSON.parse takes the last
    return span.to;
  };
  try {
    if (isObjectAt(line, skipSpace(line, 0))) eachMember(line, skipSpace(line, 0), member);
  } catch {
    return line.toString();
  }
  return textOf(line, { from: 0, to: line.length, cutFrom: from, cutTo: to });
}
