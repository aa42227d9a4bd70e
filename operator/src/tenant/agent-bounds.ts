import type { TenantPolicy } from '@cloister/tenancy';
import { z } from 'zod';
import { agentConfigSpec, wellNamedTools } from '../api/agent-config.ts';
import type { AgentConfig } from '../kinds.ts';

const { parameters, settings } = agentConfigSpec.shape;
const spec = z.object({ parameters, settings, allowedTools: z.array(z.string()).transform(wellNamedTools).optional() });

/**
 * What egress lets an agent ask of models, whatever runs in its pods; undefined where the AgentConfig bounds nothing. As wide as what the
 * settings API may come to: the agent itself knows what is set. Admission keeps out what cannot be read.
 */
export function boundsOf(agent: AgentConfig): TenantPolicy['agents'][number]['bounds'] {
  const wanted = spec.safeParse(agent.spec).data;
  if (!wanted) return undefined;
  const temperature = temperatureOf(wanted);
  const maxOutputTokens = longestOf(wanted);
  const tools = wanted.allowedTools;
  if (!temperature && maxOutputTokens === undefined && !tools) return undefined;
  return { ...(temperature && { temperature }), ...(maxOutputTokens !== undefined && { maxOutputTokens }), ...(tools && { tools }) };
}

type Wanted = z.infer<typeof spec>;

/** Without bounds for the settings API, callers choose. The agent's own may lie outside of them. */
function temperatureOf({ settings: { temperature }, parameters: { temperature: own } }: Wanted) {
  if (!temperature || own === undefined) return temperature;
  return { min: Math.min(temperature.min, own), max: Math.max(temperature.max, own) };
}

/** What the settings API may raise it to, but where nothing is set there is no bound until something is. */
const longestOf = ({ settings: { maxOutputTokens: settable }, parameters: { maxOutputTokens: own } }: Wanted): number | undefined =>
  own === undefined ? undefined : Math.max(own, settable?.max ?? 0);
