import type { TenantPolicy } from '@cloister/tenancy';
import { z } from 'zod';
import { agentConfigSpec, wellNamedTools } from '../api/agent-config.ts';
import type { AgentConfig } from '../kinds.ts';

const { parameters, settings } = agentConfigSpec.shape;
const own = parameters.unwrap().shape;
const settable = settings.unwrap().shape;
const spec = z
  .object({
    parameters: z
      .object({ temperature: own.temperature.catch(undefined), maxOutputTokens: own.maxOutputTokens.catch(undefined) })
      .catch({}),
    settings: z
      .object({ temperature: settable.temperature.catch(undefined), maxOutputTokens: settable.maxOutputTokens.catch(undefined) })
      .catch({}),
    allowedTools: z.array(z.string()).transform(wellNamedTools).optional().catch([]),
  })
  .catch({ parameters: {}, settings: {}, allowedTools: [] });

/**
 * What egress lets an agent ask of models, whatever runs in its pods; undefined where the AgentConfig bounds nothing. As wide as what the
 * settings API may come to: the agent itself knows what is set. Admission keeps out what cannot be read; should it come here all the same, the
 * rest binds without it, and of tools that cannot be read none is allowed.
 */
export function boundsOf(agent: AgentConfig): TenantPolicy['agents'][number]['bounds'] {
  const wanted = spec.parse(agent.spec);
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
