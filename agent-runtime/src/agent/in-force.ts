import type { AgentDocument } from '@cloister/tenancy';
import type { TenantSettings } from '../settings/tenant-settings.ts';

/** What applies to a request after AgentConfig and tenant's settings are laid over each other. */
export interface InForce {
  readonly model: string;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  /** Default and ceiling of a request's output. */
  readonly maxOutputTokens: number | undefined;
  readonly additionalInstructions: string | undefined;
}

export const inForce = ({ model, parameters }: AgentDocument, settings: TenantSettings): InForce => ({
  model: settings.model ?? model,
  temperature: settings.temperature ?? parameters.temperature,
  topP: parameters.topP,
  maxOutputTokens: settings.maxOutputTokens ?? parameters.maxOutputTokens,
  additionalInstructions: settings.additionalInstructions ?? undefined,
});
