/**
 * Vectors of the offline model: each word adds to one place, chosen by its hash, and the whole has length 1. So texts that share words are
 * near each other, which is all that a first try of a search needs, and the same text always gets the same vector.
 */
import { z } from 'zod';
import type { JsonObject } from '../provider.ts';
import { wordsOf } from './conversation.ts';

export const mostDimensions = 256;

const text = z.union([z.string(), z.array(z.number()).transform((tokens) => tokens.join(' '))]);
const request = z.looseObject({
  model: z.string(),
  input: z.union([text.transform((one) => [one]), z.array(text)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(mostDimensions).nullish(),
});

/** In OpenAI's shape. A word is a token. Undefined for what is no request for embeddings. */
export function embedOffline(body: JsonObject): JsonObject | undefined {
  const { data: asked } = request.safeParse(body);
  if (!asked) return undefined;
  const { model, input, encoding_format, dimensions } = asked;
  const texts = input.map((one) => wordsOf(one.toLowerCase()));
  const data = texts.map((words, index) => {
    const vector = vectorOf(words, dimensions ?? mostDimensions);
    return { object: 'embedding', index, embedding: encoding_format === 'base64' ? base64Of(vector) : [...vector] };
  });
  const tokens = texts.reduce((sum, words) => sum + words.length, 0);
  return { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function vectorOf(words: readonly string[], dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of words) {
    const place = hashOf(word) % dimensions;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** FNV-1a: a request may have some hundred thousand words, and others wait meanwhile. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(word)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** 32-bit floats in little-endian order, as OpenAI's clients read them. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
