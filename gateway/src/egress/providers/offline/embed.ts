/**
 * Vectors of the offline model: each word adds to one place, chosen by its hash, and the whole has length 1. So texts that share words are
 * near each other, which is all that a first try of a search needs, and the same text always gets the same vector.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../provider.ts';
import { wordsOf } from './conversation.ts';

const text = z.union([z.string(), z.array(z.number()).transform((tokens) => tokens.join(' '))]);
const request = z.looseObject({
  model: z.string(),
  input: z.union([text.transform((one) => [one]), z.array(text)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(4096).nullish(),
});

const usualDimensions = 256;

/** In OpenAI's shape. A word is a token. Undefined for what is no request for embeddings. */
export function embedOffline(body: JsonObject): JsonObject | undefined {
  const { data: asked } = request.safeParse(body);
  if (!asked) return undefined;
  const { model, input, encoding_format, dimensions } = asked;
  const data = input.map((words, index) => {
    const vector = vectorOf(wordsOf(words.toLowerCase()), dimensions ?? usualDimensions);
    return { object: 'embedding', index, embedding: encoding_format === 'base64' ? base64Of(vector) : [...vector] };
  });
  const tokens = input.reduce((sum, words) => sum + wordsOf(words).length, 0);
  return { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function vectorOf(words: readonly string[], dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of words) {
    const place = createHash('sha256').update(word).digest().readUInt32LE(0) % dimensions;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** 32-bit floats in little-endian order, as OpenAI's clients read them. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
