import { z } from 'zod';
import { modelName } from './models.ts';

/** Limits of one budget window. Money in US dollars with up to six decimals; absent means unlimited. */
const windowLimit = z.object({ usd: z.number().nonnegative().optional(), tokens: z.int().nonnegative().optional() });
export type WindowLimit = z.infer<typeof windowLimit>;

/** In which edge says, where it asks egress about an API key, what that may spend: JSON of {@link budgetWindows}. */
export const budgetHeader = 'x-cloister-budget';

/** Of one budget, in the days and months of its tenant. */
export const budgetWindows = z.object({ daily: windowLimit.optional(), monthly: windowLimit.optional() });
export type BudgetWindows = z.infer<typeof budgetWindows>;

const softLimitPercent = z.int().min(1).max(99);

/** What becomes of calls when a budget is used up to a share of a limit, and before it is spent. Absent: nothing. */
export const onExceeded = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('Downgrade'),
    softLimitPercent,
    /** Models that answer in the place of dearer ones; in full, in this order. */
    downgradeTo: z.array(modelName),
  }),
  z.object({ action: z.literal('Throttle'), softLimitPercent }),
]);
export type OnExceeded = z.infer<typeof onExceeded>;

/** By which a caller sees that its budget runs out. Egress sets them, agents pass them on, and edge lets them through. */
export const budgetNotes = {
  /** The model that answered in the place of the one that was asked for, in full. */
  downgraded: 'x-cloister-downgraded',
  /** Seconds for which the call was held back, with a decimal. */
  throttled: 'x-cloister-throttled',
} as const;
