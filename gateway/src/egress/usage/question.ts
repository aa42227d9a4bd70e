import { z } from 'zod';
import { fail } from '../errors.ts';
import { dimensions, type Asked } from './usage-books.ts';

const day = z.iso.date('is no day; write it as 2026-11-25').optional();
const question = z
  .strictObject({
    from: day,
    to: day,
    group_by: z
      .string()
      .transform((list) => list.split(','))
      .pipe(z.array(z.enum(dimensions, `is to be a list of ${dimensions.join(', ')}`)))
      .default([...dimensions]),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, { path: ['from'], message: 'is after "to"' });

/** Throws `invalid_request` for a parameter that is unknown, said twice or of no use, and says how it is written. */
export function readQuestion(query: URLSearchParams): Pick<Asked, 'from' | 'to' | 'by'> {
  for (const name of query.keys()) if (query.getAll(name).length > 1) throw unusable(name, 'is there more than once');
  const read = question.safeParse(Object.fromEntries(query));
  if (read.success) return { from: read.data.from, to: read.data.to, by: read.data.group_by };
  const [issue] = read.error.issues;
  if (issue?.code === 'unrecognized_keys') throw unusable(issue.keys[0] ?? '', 'is unknown; there are "from", "to" and "group_by"');
  throw unusable(String(issue?.path[0] ?? ''), issue?.message ?? '');
}

export const unusable = (param: string, problem: string) =>
  fail('invalid_request', { param, values: { problem: `parameter "${param}" ${problem}` } });
