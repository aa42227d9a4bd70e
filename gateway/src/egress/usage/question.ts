import { z } from 'zod';
import { fail } from '../errors.ts';
import { dimensions, usual, type Asked } from './usage-books.ts';

const noDay = 'is no day; write it as 2026-11-25';
/** Postgres has no year 0. */
const day = z.iso
  .date(noDay)
  .refine((text) => text >= '0001', noDay)
  .optional();
const question = z
  .strictObject({
    from: day,
    to: day,
    group_by: z
      .string()
      .transform((list) => list.split(','))
      .pipe(z.array(z.enum(dimensions, `is to be a list of ${dimensions.join(', ')}`)))
      .default([...usual]),
    key: z
      .string()
      .regex(/^[0-9a-f]{12}$/, 'is no id of an API key; GET …/keys lists them')
      .transform((id) => `key:${id}`)
      .optional(),
    user: z
      .string()
      .regex(/^[0-9a-f]{32}$/, 'is to be the first 32 digits of the SHA-256 of a subject')
      .transform((digest) => `user:${digest}`)
      .optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, { path: ['from'], message: 'is after "to"' })
  .refine(({ key, user }) => key === undefined || user === undefined, {
    path: ['user'],
    message: 'cannot be asked for together with "key"',
  });

/** Throws `invalid_request` for a parameter that is unknown, said twice or of no use, and says how it is written. */
export function readQuestion(query: URLSearchParams): Pick<Asked, 'from' | 'to' | 'by' | 'caller'> {
  for (const name of query.keys()) if (query.getAll(name).length > 1) throw unusable(name, 'is there more than once');
  const read = question.safeParse(Object.fromEntries(query));
  if (read.success) {
    const { from, to, group_by: by, key, user } = read.data;
    return { from, to, by, caller: key ?? user };
  }
  const [issue] = read.error.issues;
  if (issue?.code === 'unrecognized_keys')
    throw unusable(issue.keys[0] ?? '', 'is unknown; there are "from", "to", "group_by", "key" and "user"');
  throw unusable(String(issue?.path[0] ?? ''), issue?.message ?? '');
}

export const unusable = (param: string, problem: string) =>
  fail('invalid_request', { param, values: { problem: `parameter "${param}" ${problem}` } });
