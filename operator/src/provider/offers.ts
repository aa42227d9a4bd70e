/** Which models a tenant may use: offered by a provider that is open to it, allowed to it, and within what its class allows. Pure. */
import { modelMatches } from '@cloister/tenancy';
import type { ModelProviderSpec } from '../api/model-provider.ts';
import type { Limits } from '../tenant/limits.ts';

export interface Provider {
  readonly name: string;
  readonly spec: ModelProviderSpec;
}

export interface Customer {
  readonly tenant: string;
  readonly tenantClass: string | undefined;
}

type Uses = readonly ('models' | 'embeddingModels')[];

/** Full names, sorted; of all models, or of those for some uses. */
export function allowedModels(
  providers: readonly Provider[],
  customer: Customer,
  { allow, within }: Limits['models'],
  uses: Uses = ['models', 'embeddingModels'],
): string[] {
  const matches = (patterns: readonly string[], model: string) => patterns.some((pattern) => modelMatches(pattern, model));
  return [...new Set(offeredModels(providers, customer, uses))]
    .filter((model) => matches(allow, model) && (within === undefined || matches(within, model)))
    .sort();
}

/** Patterns by which nothing is allowed: misspelt, not yet offered, or closed to this tenant. */
export const idlePatterns = (allow: readonly string[], allowed: readonly string[]): string[] =>
  allow.filter((pattern) => !allowed.some((model) => modelMatches(pattern, model)));

const offeredModels = (providers: readonly Provider[], customer: Customer, uses: Uses): string[] =>
  providers
    .filter(({ spec }) => isOpenTo(spec, customer))
    .flatMap(({ name, spec }) => uses.flatMap((use) => (spec[use] ?? []).map((model) => `${name}/${model.name}`)));

function isOpenTo({ tenants }: ModelProviderSpec, { tenant, tenantClass }: Customer): boolean {
  if (!tenants) return true;
  return tenants.names.includes(tenant) || (tenantClass !== undefined && tenants.classes.includes(tenantClass));
}
