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

/** Full names, sorted. */
export function allowedModels(providers: readonly Provider[], customer: Customer, { allow, within }: Limits['models']): string[] {
  const matches = (patterns: readonly string[], model: string) => patterns.some((pattern) => modelMatches(pattern, model));
  return offeredModels(providers, customer)
    .filter((model) => matches(allow, model) && (within === undefined || matches(within, model)))
    .sort();
}

/** Patterns by which nothing is allowed: misspelt, not yet offered, or closed to this tenant. */
export const idlePatterns = (allow: readonly string[], allowed: readonly string[]): string[] =>
  allow.filter((pattern) => !allowed.some((model) => modelMatches(pattern, model)));

const offeredModels = (providers: readonly Provider[], customer: Customer): string[] =>
  providers.filter(({ spec }) => isOpenTo(spec, customer)).flatMap(({ name, spec }) => spec.models.map((model) => `${name}/${model.name}`));

function isOpenTo({ tenants }: ModelProviderSpec, { tenant, tenantClass }: Customer): boolean {
  if (!tenants) return true;
  return tenants.names.includes(tenant) || (tenantClass !== undefined && tenants.classes.includes(tenantClass));
}
