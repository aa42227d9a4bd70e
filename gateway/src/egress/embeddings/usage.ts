/** What a provider says of its use in an answer that is too long to be taken apart for it: some megabytes of numbers. */
import { z } from 'zod';
import { isObject, parseObject } from '../chat/chunk.ts';

const tokens = z.number().int().nonnegative().default(0);
const schema = z.looseObject({ prompt_tokens: tokens, total_tokens: tokens });

/** No object that tells of usage is longer, in characters. */
const longest = 4096;

/**
 * Tokens; undefined where it says nothing, or nothing that can be: any text is at least one token. The field is looked for from the end, and
 * cannot be taken for another: vectors are numbers or base64, which has no quotation marks.
 */
export function inputTokensIn(answer: string): number | undefined {
  const start = answer.lastIndexOf('"usage"');
  if (start < 0) return undefined;
  for (let end = answer.indexOf('}', start); end >= 0 && end - start < longest; end = answer.indexOf('}', end + 1)) {
    const found = parseObject(`{${answer.slice(start, end + 1)}}`)?.['usage'];
    if (found === undefined) continue; // a brace within it
    const usage = isObject(found) ? schema.safeParse(found).data : undefined;
    const most = Math.max(usage?.prompt_tokens ?? 0, usage?.total_tokens ?? 0);
    return most > 0 ? most : undefined;
  }
  return undefined;
}

/** Whether a text has the outside of a JSON object. What came with a wrong length or broke off has failed before. */
export const looksLikeObject = (text: string): boolean => /^\s*\{/.test(text) && /\}\s*$/.test(text.slice(-64));
