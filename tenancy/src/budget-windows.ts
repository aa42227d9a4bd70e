import { z } from 'zod';

/** Limits of one budget window. Money in US dollars with up to six decimals; absent means unlimited. */
const windowLimit = z.object({ usd: z.number().nonnegative().optional(), tokens: z.int().nonnegative().optional() });
export type WindowLimit = z.infer<typeof windowLimit>;

/** In which edge says, where it asks egress about an API key, what that may spend: JSON of {@link budgetWindows}. */
export const budgetHeader = 'x-cloister-budget';

/** Of one budget, in the days and months of its tenant. */
export const budgetWindows = z.object({ daily: windowLimit.optional(), monthly: windowLimit.optional() });
export type BudgetWindows = z.infer<typeof budgetWindows>;
