/**
 * Models are named `<provider>/<model>`, where the provider is the name of a ModelProvider and the model is what that provider calls it:
 * `openai/gpt-5-mini`, `offline/echo`. Allow-lists hold such names or patterns whose model part is or ends with `*`: `openai/*`.
 */
import { z } from 'zod';

export const modelNamePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[A-Za-z0-9][-A-Za-z0-9._:/]*$/;
export const modelAllowPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/(\*|[A-Za-z0-9][-A-Za-z0-9._:/]*\*?)$/;

export const modelName = z.string().max(200).regex(modelNamePattern, 'expected <provider>/<model>, for example openai/gpt-5-mini');
export const modelAllow = z
  .string()
  .max(200)
  .regex(modelAllowPattern, 'expected <provider>/<model> or <provider>/<prefix>*, for example openai/*');

export interface ModelRef {
  readonly provider: string;
  readonly model: string;
}

/** Undefined when the text is no model name. */
export function parseModel(text: string): ModelRef | undefined {
  if (!modelNamePattern.test(text)) return undefined;
  const slash = text.indexOf('/');
  return { provider: text.slice(0, slash), model: text.slice(slash + 1) };
}

export const modelMatches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
