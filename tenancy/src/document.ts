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

/** JSON with object keys in order, so that equal documents are equal texts (and hashes). */
export function canonicalJSON(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (isPlainObject(inner) ? sortKeys(inner) : inner));
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sortKeys = (object: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
