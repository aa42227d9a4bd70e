import type { TenantPolicy } from '@cloister/tenancy';
import { z } from 'zod';
import { agentBudget } from '../api/limits.ts';
import type { AgentConfig } from '../kinds.ts';
import { toMicros } from './limits.ts';

const spec = z.object({ budget: agentBudget.optional() });

/**
 * What an agent may spend of its tenant's budget; undefined where it sets nothing. No class caps it: the tenant's own budget binds beside it.
 * Admission keeps out what is no budget.
 */
export function agentBudgetOf(agent: AgentConfig): TenantPolicy['agents'][number]['budget'] {
  const budget = spec.safeParse(agent.spec).data?.budget;
  const window = (own: NonNullable<typeof budget>['daily']) => own && { usd: toMicros(own.usd), tokens: own.tokens };
  return budget && { daily: window(budget.daily), monthly: window(budget.monthly) };
}
