/** What egress tells the operator of all tenants' usage, at {@link tenantsUsagePath}. */
import { z } from 'zod';

export const tenantsUsagePath = '/internal/usage';

/** As the ledger has it: money in micro-dollars, input and output tokens together. Exact below 2^53. */
const window = z.object({
  /** First day, in the tenant's time zone. */
  startsOn: z.iso.date(),
  microUsd: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  /** Billed beyond the limits of windows before it, which lessens what this one has. Absent: an egress of the version before does not say. */
  debtMicroUsd: z.int().nonnegative().optional(),
  debtTokens: z.int().nonnegative().optional(),
  /** Debt included. By {@link percentOf}, of the tenant's limit of which most is used. Absent where nothing is limited. */
  percent: z.int().nonnegative().optional(),
});
export type UsageWindow = z.infer<typeof window>;

/** Of the present day and month of each tenant; without those that have used nothing in this month and owe nothing. */
export const tenantsUsage = z.object({
  tenants: z.array(z.object({ tenant: z.string(), uid: z.string(), daily: window, monthly: window })),
});
export type TenantsUsage = z.infer<typeof tenantsUsage>;

/** Whole percents, rounded down. Less than one percent left is none: calls are refused before the last micro-dollar is spent. */
export function percentOf(used: bigint, limit: bigint): number {
  if (limit === 0n) return 100;
  const percent = Number((used * 100n) / limit);
  return percent === 99 && used * 100n > limit * 99n ? 100 : percent;
}
