import type { AgentDocument } from '@cloister/tenancy';
import { fail } from '../errors.ts';

/** Every model that a request may name: the configured one first, then its fallbacks, then those the settings offer. */
export const offeredModels = ({ model, fallbacks, settings }: AgentDocument): string[] => [
  ...new Set([model, ...fallbacks, ...(settings.models ?? [])]),
];

/**
 * The models to try for a request, in order. Who names the agent (or nothing) gets the model in force and its fallbacks; who names a model
 * gets that one and no other. Throws `model_not_found`.
 */
export function modelsFor(document: AgentDocument, requested: string | undefined, inForce: string): string[] {
  if (requested === undefined || requested === document.agent) return [...new Set([inForce, ...document.fallbacks])];
  if (offeredModels(document).includes(requested)) return [requested];
  throw fail('model_not_found', { param: 'model', values: { model: requested } });
}
