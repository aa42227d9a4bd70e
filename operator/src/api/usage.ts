/** What a Tenant's status says of its usage. */
import { z } from 'zod';

const window = z.object({
  startsOn: z
    .string()
    .meta({ format: 'date' })
    .describe(
      "The first day of the window that the numbers are of, in the tenant's time zone. A later one in which nothing was used is not written down.",
    ),
  usd: z.number().min(0).describe('US dollars spent.'),
  tokens: z.int().min(0).describe('Input and output tokens used.'),
  debtUsd: z
    .number()
    .min(0)
    .describe(
      'US dollars that a provider billed beyond the limits of windows before, against what it was told, and that this one has the less.',
    )
    .optional(),
  debtTokens: z.int().min(0).describe('The same in tokens.').optional(),
  percent: z
    .int()
    .min(0)
    .describe(
      'Share of the limit of which most is used, debt included, rounded down; 100 when less than one percent is left. Not set where nothing is limited.',
    )
    .optional(),
  alertedAtPercent: z
    .int()
    .min(1)
    .max(100)
    .describe('The highest of spec.budget.alertAtPercent that was told of in this window.')
    .optional(),
});
export type WindowStatus = z.infer<typeof window>;

export const usageStatus = z.object({
  asOf: z.string().meta({ format: 'date-time' }).describe('When these numbers were read. It moves when one of them changes.'),
  daily: window.describe('Since midnight.'),
  monthly: window.describe('Since the first of the month.'),
});
export type UsageStatus = z.infer<typeof usageStatus>;
