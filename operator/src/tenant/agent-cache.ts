import { z } from 'zod';
import { agentConfigSpec } from '../api/agent-config.ts';
import type { AgentConfig } from '../kinds.ts';
import type { Limits } from './limits.ts';

const spec = z.object({ responseCache: agentConfigSpec.shape.responseCache });

/** For how long answers to an agent may be given to it again; undefined where it does not want that. Admission keeps out what is no number. */
export function cacheSecondsOf(agent: AgentConfig, { ttlSeconds }: Limits['responseCache']): number | undefined {
  const wanted = spec.safeParse(agent.spec).data?.responseCache?.ttlSeconds;
  return wanted === undefined ? undefined : Math.min(wanted, ttlSeconds);
}
