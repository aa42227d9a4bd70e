/**
 * A request for embeddings, and the most that it can be billed for.
 *
 * Each text is bounded by itself. A tokenizer makes at most one token of a byte, as with chat completions; those of models for embeddings
 * often bring the text into a normal form first, which can make it longer (one Arabic ligature becomes 18 letters), so the longer of both
 * forms counts. Around each text stand a few tokens that mark its ends or its task. A text that is longer than the model takes is refused or
 * cut by the provider, so none counts more than the context window. What is not known here is refused, because servers have fields that add
 * text or pictures.
 */
import { z } from 'zod';
import { parseBody } from '../chat/parse-body.ts';

/** One text: in words, or in numbers of tokens. */
export type Text = string | readonly number[];

/** As many as OpenAI takes. Looking at millions would hold up everybody else. */
const mostTexts = 2048;

const schema = z.strictObject({
  model: z.string(),
  input: z.unknown().transform((input, context) => {
    const texts = textsOf(input);
    if (texts && texts.length > 0 && !texts.some(({ length }) => length === 0)) return { given: input, texts };
    context.addIssue(
      `expected a text, a list of texts, a list of tokens or a list of such lists, none empty, of ${mostTexts} texts at most`,
    );
    return z.NEVER;
  }),
  dimensions: z.int().positive().nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  user: z.string().nullish(),
});
export type EmbeddingsRequest = z.infer<typeof schema>;

/** Throws `invalid_json` or `invalid_request`, which names the field. */
export const parseEmbeddingsRequest = (body: Buffer): EmbeddingsRequest => parseBody(body, schema);

function textsOf(input: unknown): readonly Text[] | undefined {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return undefined;
  const list: readonly unknown[] = input;
  if (isTokens(list)) return [list];
  return list.length <= mostTexts && list.every(isText) ? list : undefined;
}

const isTokens = (list: readonly unknown[]): list is readonly number[] => list.every((token) => Number.isSafeInteger(token));
const isText = (value: unknown): value is Text => typeof value === 'string' || (Array.isArray(value) && isTokens(value));

/** Tokens that stand around a text: marks of its ends, and a word or two that name the task, such as "search_document: ". */
const marks = 16;

/** Tokens. */
export const mostInput = ({ input: { texts } }: EmbeddingsRequest, contextWindow: number): number =>
  texts.reduce((sum, text) => sum + Math.min(longestOf(text, contextWindow) + marks, contextWindow), 0);

/** A text that is too long as it stands needs no other form. */
function longestOf(text: Text, enough: number): number {
  if (typeof text !== 'string') return text.length;
  const bytes = Buffer.byteLength(text);
  return bytes >= enough ? bytes : Math.max(bytes, Buffer.byteLength(text.normalize('NFKC').toLowerCase()));
}
