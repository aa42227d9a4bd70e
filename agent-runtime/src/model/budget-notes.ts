import { budgetNotes } from '@cloister/tenancy';
import type { ModelAnswer } from './egress.ts';

/** What egress says of the budget beside its answer, for the caller. */
export const budgetNotesOf = ({ headers }: Pick<ModelAnswer, 'headers'>): Record<string, string> =>
  Object.fromEntries(
    Object.values(budgetNotes).flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
