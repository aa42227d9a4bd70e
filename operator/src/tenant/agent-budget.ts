import type { TenantPolicy } from '@cloister/tenancy';
import { z } from 'zod';
import { model } from '../api/fields.ts';
import { budgetOfAgent } from '../api/limits.ts';
import type { AgentConfig } from '../kinds.ts';
import { inMicros, type Limits } from './limits.ts';

const spec = z.object({ budget: budgetOfAgent.optional() });
const chain = z.object({ model: model(), fallbacks: z.array(model()).default([]) });

/**
 * What an agent may spend of its tenant's budget; undefined where it sets nothing. No class caps it: the tenant's own budget binds beside it.
 * Admission keeps out what is no budget.
 */
export function agentBudgetOf(agent: AgentConfig): TenantPolicy['agents'][number]['budget'] {
  const windows = spec.safeParse(agent.spec).data?.budget;
  return windows?.daily || windows?.monthly ? inMicros(windows) : undefined;
}

/** Models that answer for dearer ones: those that the agent names, else those of its tenant (undefined), else its own chain of models. */
export function downgradesOf(agent: AgentConfig, { onExceeded }: Limits['budget']): TenantPolicy['agents'][number]['downgradeTo'] {
  if (onExceeded?.action !== 'Downgrade') return undefined;
  const named = spec.safeParse(agent.spec).data?.budget?.downgradeTo;
  if (named || onExceeded.downgradeTo.length > 0) return named;
  const own = chain.safeParse(agent.spec).data;
  return own && [own.model, ...own.fallbacks];
}

/** All of an AgentConfig by which the above may change. */
export const spendingOf = (agent: AgentConfig): unknown => [spec.safeParse(agent.spec).data, chain.safeParse(agent.spec).data];
