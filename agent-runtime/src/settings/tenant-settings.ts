/** The settings that a tenant may change through the API, within the bounds that the AgentConfig gives. */
import { z } from 'zod';

const anything = z.unknown().optional();

/** `null` and absent mean the same: the AgentConfig decides. */
export const settingsBody = z.strictObject({
  model: z.string().nullish(),
  temperature: z.number().nullish(),
  maxOutputTokens: z.int().nullish(),
  additionalInstructions: z.string().nullish(),
  // What GET adds for reading. Accepted and not looked at, so that its answer can be edited and sent back as it is.
  defaults: anything,
  bounds: anything,
});

export interface TenantSettings {
  readonly model: string | null;
  readonly temperature: number | null;
  readonly maxOutputTokens: number | null;
  readonly additionalInstructions: string | null;
}

export const noSettings: TenantSettings = { model: null, temperature: null, maxOutputTokens: null, additionalInstructions: null };

export const settingsOf = (body: z.infer<typeof settingsBody>): TenantSettings => ({
  model: body.model ?? null,
  temperature: body.temperature ?? null,
  maxOutputTokens: body.maxOutputTokens ?? null,
  additionalInstructions: body.additionalInstructions ?? null,
});
