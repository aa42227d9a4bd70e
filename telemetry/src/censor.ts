/** Keeps secrets and content out of logs. Written for the one object per request that is logged: pino's own paths cost ten times as much. */

/** Fields whose values never reach a log, wherever they stand. Prompts and answers are content and count as such. */
const censored = new Set([
  'authorization',
  'apiKey',
  'api_key',
  'password',
  'secret',
  'token',
  'cookie',
  'messages',
  'content',
  'prompt',
  'instructions',
]);

const struckOut = '[redacted]';

/** How deep fields may be nested and still be shown. */
const deepest = 4;

/** The object with every such value struck out; a copy only where there is one. */
export function censor(fields: Record<string, unknown>): Record<string, unknown> {
  return censorObject(fields, 1);
}

function censorObject(object: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(object)) {
    const value = object[name];
    const shown = censored.has(name) ? struckOut : censorValue(value, depth);
    if (shown !== value) (copy ??= { ...object })[name] = shown;
  }
  return copy ?? object;
}

function censorValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= deepest) return struckOut;
  if (Array.isArray(value)) return value.map((item: unknown) => censorValue(item, depth + 1));
  return isPlain(value) ? censorObject(value, depth + 1) : value;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What of an error is logged. Other properties are not: those of HTTP and database errors carry headers, bodies and parameters. */
export function errorFacts(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : struckOut;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return { type: error.name, message: error.message, stack: error.stack, code, cause };
}
