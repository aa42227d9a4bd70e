import type { BudgetWindows, TenantPolicy } from '@cloister/tenancy';
import { termsOf, type WindowKind } from '../budget/limits.ts';
import { unusable } from './question.ts';
import { mostLines, type Dimension, type UsageBooks, type WindowBooks } from './usage-books.ts';

/**
 * The ledger's figures as tenants read them. Throws `invalid_request` where there are too many lines for one answer.
 *
 * Guarantee: money is in whole micro-dollars, `total` is the sum of `data`, and of a window `spent - forfeited` is the sum of its lines.
 * `cached_tokens` and `cache_write_tokens` are parts of `input_tokens`, and `reasoning_tokens` of `output_tokens`, as far as providers told.
 */
export function usageReport(
  books: UsageBooks,
  by: readonly Dimension[],
  { budget, agents }: Pick<TenantPolicy, 'budget' | 'agents'>,
  ofCaller: BudgetWindows | undefined,
) {
  if (books.lines.length > mostLines)
    throw unusable('group_by', `and the days asked for give more than ${mostLines} lines; tell fewer things apart, or ask for fewer days`);
  const data = books.lines.map((line) => ({
    ...Object.fromEntries(by.map((dimension) => [dimension, line[dimension]])),
    ...figures(line),
  }));
  return {
    object: 'usage',
    time_zone: books.timeZone,
    from: books.from,
    to: books.to,
    total: books.lines.map(figures).reduce(sum, nothing),
    data,
    budget: standings(books.windows, budget),
    agent_budgets: books.agents.map(({ agent, windows }) => ({
      agent,
      ...standings(windows, { timeZone: budget.timeZone, ...agents.find(({ name }) => name === agent)?.budget }),
    })),
    ...(books.callers && { caller_budget: standings(books.callers, { timeZone: budget.timeZone, ...ofCaller }) }),
  };
}

const nothing = {
  requests: 0,
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  micro_usd: 0,
};

const figures = ({
  requests,
  inputTokens,
  outputTokens,
  cachedTokens,
  cacheWriteTokens,
  reasoningTokens,
  microUsd,
}: UsageBooks['lines'][number]) => ({
  requests,
  input_tokens: inputTokens,
  output_tokens: outputTokens,
  cached_tokens: cachedTokens,
  cache_write_tokens: cacheWriteTokens,
  reasoning_tokens: reasoningTokens,
  micro_usd: microUsd,
});
type Figures = ReturnType<typeof figures>;

const sum = (one: Figures, other: Figures): Figures => ({
  requests: one.requests + other.requests,
  input_tokens: one.input_tokens + other.input_tokens,
  output_tokens: one.output_tokens + other.output_tokens,
  cached_tokens: one.cached_tokens + other.cached_tokens,
  cache_write_tokens: one.cache_write_tokens + other.cache_write_tokens,
  reasoning_tokens: one.reasoning_tokens + other.reasoning_tokens,
  micro_usd: one.micro_usd + other.micro_usd,
});

const standings = (windows: WindowBooks, budget: Parameters<typeof termsOf>[0]) => ({
  daily: standing('daily', windows, budget),
  monthly: standing('monthly', windows, budget),
});

function standing(kind: WindowKind, windows: WindowBooks, budget: Parameters<typeof termsOf>[0]) {
  const { startsOn, ends, microUsd, tokens } = windows[kind];
  const limit = termsOf(budget).limits.find((one) => one.kind === kind);
  return {
    starts_on: startsOn,
    renews_at: new Date(ends).toISOString(),
    micro_usd: against(limit?.microUsd, microUsd),
    tokens: against(limit?.tokens, tokens),
  };
}

/** What is `reserved` is not yet spent, and may never be; `debt` was spent before. */
const against = (limit: bigint | undefined, parts: WindowBooks['daily']['tokens']) => ({
  limit: limit === undefined ? null : Number(limit),
  ...parts,
  remaining: limit === undefined ? null : Math.max(0, Number(limit) - parts.spent - parts.debt),
});
