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
 * Throws `no_agent` where that is nobody.
 */
export function chooseAgent(route: Route, policy: TenantPolicy, body: Buffer | undefined): Agent {
  const byName = (name: string | undefined) => policy.agents.find((agent) => agent.name === name);
  const fromBody = body && bodyDecides(route, policy) ? byName(modelIn(body)) : undefined;
  const agent = byName(route.agent) ?? fromBody ?? byName(policy.defaultAgent);
  if (!agent) throw fail('no_agent');
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
