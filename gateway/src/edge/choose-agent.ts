import type { TenantPolicy } from '@cloister/tenancy';
import { z } from 'zod';
import { fail } from './errors.ts';
import type { Route } from './route.ts';

export type Agent = TenantPolicy['agents'][number];

const named = z.object({ model: z.string() });

/** Whether the body must be read before the agent is known. With one agent there is nothing to choose. */
export const bodyDecides = (route: Route, policy: TenantPolicy): boolean => route.modelNamesAgent && policy.agents.length > 1;

/**
 * The agent that answers: the one that path or query names, else the one that `model` in the body names, else the tenant's default.
 * Throws `agent_not_found` where path or query name one that the tenant does not have, the same for one that another tenant has;
 * `no_agent` where nobody is named and there is no default; `agent_scaled_to_zero`, without a time to try again, since waiting does not help.
 */
export function chooseAgent(route: Route, policy: TenantPolicy, body: Buffer | undefined): Agent {
  const byName = (name: string | undefined) => policy.agents.find((agent) => agent.name === name);
  if (route.agent !== undefined && !byName(route.agent)) throw fail('agent_not_found');
  const fromBody = body && bodyDecides(route, policy) ? byName(modelIn(body)) : undefined;
  const agent = byName(route.agent) ?? fromBody ?? byName(policy.defaultAgent);
  if (!agent) throw fail('no_agent');
  if (agent.scaledToZero) throw fail('agent_scaled_to_zero', { values: { agent: agent.name } });
  return agent;
}

/** A body that is no JSON names nobody here; the agent will say what is wrong with it. */
function modelIn(body: Buffer): string | undefined {
  try {
    return named.safeParse(JSON.parse(body.toString('utf8'))).data?.model;
  } catch {
    return undefined;
  }
}
