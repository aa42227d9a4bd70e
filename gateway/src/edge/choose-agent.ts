import type { TenantPolicy, TrafficSplit } from '@cloister/tenancy';
import { z } from 'zod';
import { fail } from './errors.ts';
import type { Route } from './route.ts';
import { anyChance, chanceOf, inTurn } from './share.ts';

export type Agent = TenantPolicy['agents'][number];

export interface Choice {
  /** The agent that answers, then those that answer in its place where it cannot be reached. */
  readonly agents: readonly [Agent, ...Agent[]];
  /** The traffic split that decided, where one did. */
  readonly split?: {
    readonly name: string;
    /** Whether the body names it: then it is to name the agent, which knows no other name of its own. */
    readonly isModel: boolean;
  };
}

const named = z.object({ model: z.string() });

/** Whether the body must be read before the agent is known. With one agent there is nothing to choose. */
export const bodyDecides = (route: Route, { agents, trafficSplits }: TenantPolicy): boolean =>
  route.modelNamesAgent && (agents.length > 1 || trafficSplits !== undefined);

export interface Asking {
  readonly body: Buffer | undefined;
  /** Chat completions of one session go to the same agent of a split. */
  readonly session: string | undefined;
}

/**
 * The agent that answers: the one that path or query names, else the one that `model` in the body names, else the tenant's default. Of chat completions
 * that no path or query has sent to an agent, a name that is a traffic split's goes to one of its agents, as their weights say.
 * Throws `agent_not_found` where path or query name one that the tenant does not have, the same for one that another tenant has;
 * `no_agent` where nobody is named and there is no default; `agent_scaled_to_zero` and `split_without_agent`, without a time to try again, since waiting
 * does not help.
 */
export function chooseAgent(route: Route, policy: TenantPolicy, { body, session }: Asking): Choice {
  const byName = (name: string | undefined) => policy.agents.find((agent) => agent.name === name);
  const splitOf = (name: string | undefined) => policy.trafficSplits?.find((split) => split.name === name);
  if (route.agent !== undefined && !byName(route.agent)) throw fail('agent_not_found');
  const said = body && bodyDecides(route, policy) ? modelIn(body) : undefined;
  const name = route.agent ?? (byName(said) || splitOf(said) ? said : policy.defaultAgent);
  const split = route.modelNamesAgent ? splitOf(name) : undefined;
  if (split) return { agents: sharedOut(split, policy, session), split: { name: split.name, isModel: split.name === said } };
  const agent = byName(name);
  if (!agent) throw fail('no_agent');
  if (agent.scaledToZero) throw fail('agent_scaled_to_zero', { values: { agent: agent.name } });
  return { agents: [agent] };
}

/** Who is not there or has no pods has no share. */
function sharedOut({ name, agents }: TrafficSplit, policy: TenantPolicy, session: string | undefined): Choice['agents'] {
  const there = new Map(policy.agents.filter(({ scaledToZero }) => !scaledToZero).map((agent) => [agent.name, agent]));
  const turn = inTurn(agents, session === undefined ? anyChance : chanceOf(session, name));
  const [first, ...others] = turn.flatMap((sharer) => there.get(sharer.name) ?? []);
  if (!first) throw fail('split_without_agent', { values: { split: name } });
  return [first, ...others];
}

/** Leaves a byte order mark out, as agents do. */
const decoder = new TextDecoder();

/** A body that is no JSON names nobody here; the agent will say what is wrong with it. */
function modelIn(body: Buffer): string | undefined {
  try {
    return named.safeParse(JSON.parse(decoder.decode(body))).data?.model;
  } catch {
    return undefined;
  }
}
