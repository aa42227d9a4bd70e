import type { TenantPolicy } from '@cloister/tenancy';
import { z } from 'zod';
import { shareOfBudget } from '../api/limits.ts';
import type { AgentConfig } from '../kinds.ts';
import { inMicros } from './limits.ts';

const spec = z.object({ budget: shareOfBudget.optional() });

/**
 * What an agent may spend of its tenant's budget; undefined where it sets nothing. No class caps it: the tenant's own budget binds beside it.
 * Admission keeps out what is no budget.
 */
export function agentBudgetOf(agent: AgentConfig): TenantPolicy['agents'][number]['budget'] {
  return inMicros(spec.safeParse(agent.spec).data?.budget);
}
