/**
 * `GET /internal/usage`: what every tenant has used of its present day and month, in one answer, for the operator alone. Tenants that have used
 * nothing this month, and owe nothing, are left out.
 */
import { operatorServiceAccount, percentOf, type TenantPolicy, type TenantsUsage, type UsageWindow } from '@cloister/tenancy';
import type { Dressed } from '../../server/application.ts';
import { termsOf, type Limit } from '../budget/limits.ts';
import { fail } from '../errors.ts';
import type { Policies } from '../../directory/directory.ts';
import { requirePart, type PartsKnown } from '../pods/own-part.ts';
import type { EveryBooks, ReadEveryUsage } from './every-books.ts';

export interface EveryUsageParts extends PartsKnown {
  readonly policies: Policies;
  readonly readEveryUsage: ReadEveryUsage;
}

export const everyUsageRoute = 'GET /internal/usage';

/** Rejects with `token_invalid` or `usage_unavailable`. */
export async function everyUsage({ request, response }: Dressed, parts: EveryUsageParts): Promise<void> {
  await requirePart(request.headers, operatorServiceAccount, parts);
  const policies = new Map([...parts.policies.all()].map((policy) => [policy.uid, policy]));
  const asked = [...policies.values()].map(({ uid, budget: { timeZone } }) => ({ uid, timeZone }));
  const books = await parts.readEveryUsage(asked).catch((cause: unknown) => {
    throw fail('usage_unavailable', { retryAfterSeconds: 5, cause });
  });
  response.json({ tenants: books.flatMap((one) => told(one, policies.get(one.uid))) } satisfies TenantsUsage);
}

function told({ uid, daily, monthly }: EveryBooks, policy: TenantPolicy | undefined): TenantsUsage['tenants'] {
  if (!policy) return [];
  const { limits } = termsOf(policy.budget);
  const of = (kind: Limit['kind'], window: EveryBooks['daily']): UsageWindow => ({
    ...window,
    percent: percentUsed(
      limits.find((limit) => limit.kind === kind),
      window,
    ),
  });
  return [{ tenant: policy.tenant, uid, daily: of('daily', daily), monthly: of('monthly', monthly) }];
}

/** Of the limit of which most is used, debt included; undefined where there is none. */
function percentUsed(limit: Limit | undefined, { microUsd, tokens, debtMicroUsd, debtTokens }: EveryBooks['daily']): number | undefined {
  const shares = [
    limit?.microUsd === undefined ? [] : percentOf(BigInt(microUsd + debtMicroUsd), limit.microUsd),
    limit?.tokens === undefined ? [] : percentOf(BigInt(tokens + debtTokens), limit.tokens),
  ].flat();
  return shares.length === 0 ? undefined : Math.max(...shares);
}
