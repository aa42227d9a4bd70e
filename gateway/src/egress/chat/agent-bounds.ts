/**
 * What an agent may ask of models by its AgentConfig. Cloister's own runtime keeps to it by itself; an image of the tenant's own need not, nor
 * need whoever has got into a pod.
 */
import type { TenantPolicy } from '@cloister/tenancy';
import { fail } from '../errors.ts';
import { isObject } from './chunk.ts';
import type { ChatRequest } from './request.ts';

export type AgentBounds = NonNullable<TenantPolicy['agents'][number]['bounds']>;

/** Of most providers, where a request names none. */
const usualTemperature = 1;

/** The longest name of a tool that is repeated in an error. */
const longestName = 64;

export const boundsOf = ({ agents }: TenantPolicy, agent: string): AgentBounds => agents.find(({ name }) => name === agent)?.bounds ?? {};

/**
 * The request as it may go on: a maximum of output beyond the bound is lowered to it, as the runtime does, since clients send generous ones by
 * habit, and a temperature that nobody named is named, since a provider's own may lie beyond. Throws `parameter_not_allowed` or `tool_not_allowed` for what is beyond the others.
 */
export function withinBounds(request: ChatRequest, agent: string, { temperature, tools, maxOutputTokens }: AgentBounds): ChatRequest {
  const asked = temperature ? tempered(request, agent, temperature) : request;
  if (tools) for (const name of toolsIn(asked)) checkTool(name, agent, tools);
  return maxOutputTokens === undefined ? asked : lowered(asked, maxOutputTokens);
}

/** Some servers read numbers out of texts, so what is no number is not let through either. */
function tempered(request: ChatRequest, agent: string, { min, max }: NonNullable<AgentBounds['temperature']>): ChatRequest {
  const value = request['temperature'];
  if (value === undefined || value === null) return { ...request, temperature: Math.max(min, Math.min(max, usualTemperature)) };
  if (typeof value === 'number' && value >= min && value <= max) return request;
  const values = { param: 'temperature', value: typeof value === 'number' ? value : 'no number', agent, min, max };
  throw fail('parameter_not_allowed', { param: 'temperature', values });
}

function checkTool(name: string | undefined, agent: string, allowed: readonly string[]): void {
  if (name !== undefined && allowed.includes(name)) return;
  throw fail('tool_not_allowed', { param: 'tools', values: { agent, tool: name?.slice(0, longestName) ?? 'without a name' } });
}

/** Names of what a model is offered, by the present field and by the one before it; undefined for what has none. */
export function toolsIn({ tools, functions }: ChatRequest): (string | undefined)[] {
  return [...listOf(tools).map((tool) => nameOf(definitionOf(tool))), ...listOf(functions).map(nameOf)];
}

const listOf = (value: unknown): readonly unknown[] => (value === undefined || value === null ? [] : [value].flat());

/** `{"type":"function","function":{…}}`, or custom in the place of function. Servers read by the type, so it says where the name is. */
function definitionOf(tool: unknown): unknown {
  if (!isObject(tool)) return undefined;
  return tool['type'] === 'custom' ? tool['custom'] : tool['function'];
}

const nameOf = (definition: unknown): string | undefined =>
  isObject(definition) && typeof definition['name'] === 'string' ? definition['name'] : undefined;

function lowered(request: ChatRequest, ceiling: number): ChatRequest {
  const { max_tokens, max_completion_tokens } = request;
  return {
    ...request,
    ...(typeof max_tokens === 'number' && { max_tokens: Math.min(max_tokens, ceiling) }),
    ...(typeof max_completion_tokens === 'number' && { max_completion_tokens: Math.min(max_completion_tokens, ceiling) }),
  };
}
