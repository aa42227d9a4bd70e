import type { z } from 'zod';
import { documentKey } from './names.ts';

/** A document that its reader cannot use. Names the field; never carries a value, since documents may hold secrets. */
export class DocumentError extends Error {
  constructor(source: string, problems: readonly string[]) {
    super(`${source} is not usable: ${problems.join('; ')}`);
    this.name = 'DocumentError';
  }
}

/** Reads a document from its JSON text. Throws {@link DocumentError} that names `source` and each wrong field. */
export function parseDocument<T>(schema: z.ZodType<T>, source: string, text: string | undefined): T {
  if (text === undefined) throw new DocumentError(source, [`it has no key "${documentKey}"`]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be a secret: it must not travel on.
    throw new DocumentError(source, ['it is no JSON']);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new DocumentError(
    source,
    result.error.issues.map((issue) => `${issue.path.join('.') || 'document'}: ${issue.message}`),
  );
}

/** JSON with object keys in order, so that equal documents are equal texts (and hashes). Of plain objects, lists and what JSON has besides. */
export const canonicalJSON = (value: unknown): string => JSON.stringify(inOrder(value));

/** A copy, which costs half of what it costs to let JSON.stringify ask at each value. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isRecord(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, inOrder(value[key])])); // by which a key may even be "__proto__"
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
