import type { z } from 'zod';
import { fail } from '../errors.ts';

/** Throws `invalid_json` or `invalid_request`, which names the field. */
export function parseBody<T>(body: Buffer, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw fail('invalid_json'); // the parser's own words quote the body
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { param, message } = complaint(result.error);
  throw fail('invalid_request', { param, values: { problem: `${param || 'the body'}: ${message}` } });
}

function complaint({ issues: [issue] }: z.ZodError): { param: string; message: string } {
  if (issue?.code !== 'unrecognized_keys') return { param: issue?.path.join('.') ?? '', message: issue?.message ?? 'not as expected' };
  const param = issue.keys[0]?.slice(0, 64) ?? '';
  return { param, message: 'not known here, so it could add to what is billed; leave it out' };
}
