import type { z } from 'zod';
import { fail } from '../errors.ts';

/** Throws 400 that names the first wrong field. Values are never quoted: they are content. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = issue?.path.join('.') ?? '';
  if (param === '')
    throw fail('invalid_request', {
      values: { problem: `${issue?.message ?? 'Invalid input'} (send JSON with content-type application/json)` },
    });
  throw fail('invalid_request', { param, values: { problem: `${param}: ${issue?.message ?? 'Invalid input'}` } });
}
