/**
 * `GET /internal/tenants/{name}/{uid}/usage`: what a tenant has used, for edge alone, which has checked who asks. The UID is compared beside
 * the name, so that a tenant never reads what another used that had its name before it.
 */
import { budgetHeader, budgetWindows, edgeServiceAccount, type BudgetWindows } from '@cloister/tenancy';
import type { Request } from 'express';
import type { Policies } from '../../directory/directory.ts';
import type { Dressed } from '../../server/application.ts';
import { fail } from '../errors.ts';
import { podOf, tokenRejected } from '../pods/bearer.ts';
import type { VerifyPod } from '../pods/pod-token.ts';
import { readQuestion } from './question.ts';
import { usageReport } from './report.ts';
import type { ReadUsage } from './usage-books.ts';

export interface UsageParts {
  readonly policies: Policies;
  readonly verifyPod: VerifyPod;
  readonly readUsage: ReadUsage;
  /** Where edge runs. */
  readonly systemNamespace: string;
}

const route = /^\/internal\/tenants\/([^/]+)\/([^/]+)\/usage$/;

export const isUsageRoute = (method: string, path: string): boolean => method === 'GET' && route.test(path);

/** Rejects with `token_invalid`, `not_found`, `invalid_request` or `usage_unavailable`. */
export async function usage({ request, response }: Dressed, parts: UsageParts): Promise<void> {
  const pod = await podOf(request.headers, parts.verifyPod);
  if (pod?.namespace !== parts.systemNamespace || pod.serviceAccount.name !== edgeServiceAccount) throw tokenRejected();
  const [, name = '', uid] = route.exec(request.path) ?? [];
  const policy = parts.policies.byTenant(name);
  if (!policy || policy.uid !== uid) throw fail('not_found');
  const { by, from, to, caller } = readQuestion(new URL(request.url, 'http://egress').searchParams);
  const { timeZone } = policy.budget;
  const agents = policy.agents.filter(({ budget }) => budget).map((agent) => agent.name);
  const books = await parts.readUsage({ tenantUid: policy.uid, timeZone, from, to, by, caller, agents }).catch((cause: unknown) => {
    throw fail('usage_unavailable', { retryAfterSeconds: 5, cause });
  });
  response.json(usageReport(books, by, policy, caller?.startsWith('key:') ? budgetOfKey(request) : policy.budget.perUser));
}

/** Edge alone knows what an API key may spend, and says so where it asks about one. */
function budgetOfKey(request: Request): BudgetWindows | undefined {
  const text = request.get(budgetHeader);
  return text === undefined ? undefined : budgetWindows.parse(JSON.parse(text));
}
