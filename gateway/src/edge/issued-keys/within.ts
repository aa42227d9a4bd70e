/** What a key may have that another key asks for: no more than that one, and what is left out is taken over, since none would be a way around it. */
import { budgetWindows, rateLimits, type BudgetWindows, type RateLimits, type WindowLimit } from '@cloister/tenancy';

/** Tells of a field that has more than the key that asks. Throws. */
export type TooMuch = (field: string, most: number) => never;

export function limitsWithin(own: RateLimits | undefined, wanted: RateLimits | undefined, tooMuch: TooMuch): RateLimits | undefined {
  for (const field of rateLimits.keyof().options) bounded(`rateLimits.${field}`, own?.[field], wanted?.[field], tooMuch);
  return own || wanted ? { ...own, ...wanted } : undefined;
}

const units = ['usd', 'tokens'] as const;

/** Amount by amount. */
export function budgetWithin(
  own: BudgetWindows | undefined,
  wanted: BudgetWindows | undefined,
  tooMuch: TooMuch,
): BudgetWindows | undefined {
  const limits = budgetWindows.keyof().options.flatMap((window) => {
    const limit = windowWithin(`budget.${window}`, own?.[window], wanted?.[window], tooMuch);
    return limit ? [[window, limit] as const] : [];
  });
  return limits.length > 0 ? Object.fromEntries(limits) : undefined;
}

function windowWithin(field: string, own: WindowLimit | undefined, wanted: WindowLimit | undefined, tooMuch: TooMuch) {
  for (const unit of units) bounded(`${field}.${unit}`, own?.[unit], wanted?.[unit], tooMuch);
  return (own || wanted) && { ...own, ...wanted };
}

function bounded(field: string, most: number | undefined, asked: number | undefined, tooMuch: TooMuch): void {
  if (most !== undefined && asked !== undefined && asked > most) tooMuch(field, most);
}
