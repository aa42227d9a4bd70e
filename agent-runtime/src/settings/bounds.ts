/** How far the AgentConfig lets a tenant's settings go. Pure. */
import type { AgentDocument } from '@cloister/tenancy';
import type { TenantSettings } from './tenant-settings.ts';

export interface Violation {
  readonly field: keyof TenantSettings;
  /** Names the value and what would be allowed. */
  readonly problem: string;
}

type Bounds = AgentDocument['settings'];
type Range = NonNullable<Bounds['temperature']>;
type Check = (document: AgentDocument, settings: TenantSettings) => Violation | undefined;

const checks: readonly Check[] = [modelIsOffered, temperatureInRange, maxOutputTokensInRange, additionWithinLength];

export const violations = (document: AgentDocument, settings: TenantSettings): Violation[] =>
  checks.flatMap((check) => check(document, settings) ?? []);

/**
 * The stored settings that still count. Bounds can have narrowed since they were stored; a value outside them gives way to the
 * AgentConfig's own rather than being bent into something that nobody chose.
 */
export function withinBounds(document: AgentDocument, stored: TenantSettings): TenantSettings {
  const refused = new Set(violations(document, stored).map(({ field }) => field));
  return {
    model: refused.has('model') ? null : stored.model,
    temperature: refused.has('temperature') ? null : stored.temperature,
    maxOutputTokens: refused.has('maxOutputTokens') ? null : stored.maxOutputTokens,
    additionalInstructions: refused.has('additionalInstructions') ? null : stored.additionalInstructions,
  };
}

/** Whether any setting can be other than the AgentConfig's. Where none can, nothing needs to be read from the database. */
export const isAdjustable = ({ settings }: AgentDocument): boolean => Object.values(settings).some((bound) => bound !== undefined);

function modelIsOffered({ model, settings }: AgentDocument, { model: wanted }: TenantSettings): Violation | undefined {
  if (wanted === null || wanted === model || settings.models?.includes(wanted) === true) return undefined;
  if (settings.models === undefined) return fixed('model');
  const offered = [...new Set([model, ...settings.models])].join(', ');
  return { field: 'model', problem: `model is ${JSON.stringify(wanted)}; it must be one of ${offered}` };
}

function temperatureInRange({ settings }: AgentDocument, { temperature }: TenantSettings): Violation | undefined {
  return outside('temperature', temperature, settings.temperature);
}

function maxOutputTokensInRange({ settings }: AgentDocument, { maxOutputTokens }: TenantSettings): Violation | undefined {
  return outside('maxOutputTokens', maxOutputTokens, settings.maxOutputTokens);
}

function additionWithinLength({ settings }: AgentDocument, { additionalInstructions }: TenantSettings): Violation | undefined {
  const field = 'additionalInstructions';
  if (additionalInstructions === null) return undefined;
  const bound = settings.additionalInstructions;
  if (!bound) return fixed(field);
  // The text itself is content and stays out of the message.
  return additionalInstructions.length <= bound.maxLength
    ? undefined
    : { field, problem: `${field} has ${additionalInstructions.length} characters; at most ${bound.maxLength} are allowed` };
}

function outside(field: 'temperature' | 'maxOutputTokens', value: number | null, range: Range | undefined): Violation | undefined {
  if (value === null) return undefined;
  if (!range) return fixed(field);
  if (value >= range.min && value <= range.max) return undefined;
  return { field, problem: `${field} is ${value}; it must be from ${range.min} to ${range.max}` };
}

const fixed = (field: keyof TenantSettings): Violation => ({
  field,
  problem: `${field} cannot be changed here: the AgentConfig gives no bounds for it in spec.settings; leave it out or null`,
});
