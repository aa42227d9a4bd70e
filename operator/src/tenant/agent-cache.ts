import { z } from 'zod';
import { agentConfigSpec } from '../api/agent-config.ts';
import type { AgentConfig } from '../kinds.ts';
import type { Limits } from './limits.ts';

const spec = z.object({ responseCache: agentConfigSpec.shape.responseCache });

/** What the agent itself asks for. */
export const ownCacheSecondsOf = (agent: AgentConfig): number | undefined => spec.safeParse(agent.spec).data?.responseCache?.ttlSeconds;

/** For how long answers to an agent may be given to it again; undefined where it does not want that. Admission keeps out what is no number. */
export function cacheSecondsOf(agent: AgentConfig, { ttlSeconds }: Limits['responseCache']): number | undefined {
  const wanted = ownCacheSecondsOf(agent);
  return wanted === undefined ? undefined : Math.min(wanted, ttlSeconds);
}
