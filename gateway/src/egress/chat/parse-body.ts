import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import { fail } from '../errors.ts';

/** Throws `invalid_json` or `invalid_request`, which names the field. */
export function parseBody<T>(body: Buffer, schema: z.ZodType<T>): T {
  // what is none would become longer where it is read, and cost more than its length says
  if (!isUtf8(body)) throw fail('invalid_request', { param: '', values: { problem: 'the body is not in UTF-8, as JSON has to be' } });
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
