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
  /** Providers with whom it has a key of its own. */
  readonly ownKeys: readonly string[];
}

/** Full names, sorted: of models for chat and of models for embeddings. */
export function allowedModels(providers: readonly Provider[], customer: Customer, { allow, within }: Limits['models']): string[] {
  const matches = (patterns: readonly string[], model: string) => patterns.some((pattern) => modelMatches(pattern, model));
  return offeredModels(providers, customer)
    .filter((model) => matches(allow, model) && (within === undefined || matches(within, model)))
    .sort();
}

/** Patterns by which nothing is allowed: misspelt, not yet offered, or closed to this tenant. */
export const idlePatterns = (allow: readonly string[], allowed: readonly string[]): string[] =>
  allow.filter((pattern) => !allowed.some((model) => modelMatches(pattern, model)));

/** Those that agents can talk with. The others make embeddings, and nothing else. */
export function chatModelsAmong(models: readonly string[], providers: readonly Provider[]): string[] {
  const forChat = new Set(providers.flatMap(({ name, spec }) => spec.models.map((model) => `${name}/${model.name}`)));
  return models.filter((model) => forChat.has(model));
}

/** Each once, though a model may be there for both. */
const offeredModels = (providers: readonly Provider[], customer: Customer): string[] =>
  providers
    .filter((provider) => isOpenTo(provider, customer))
    .flatMap(({ name, spec: { models, embeddingModels = [] } }) =>
      [...new Set([...models, ...embeddingModels].map((model) => model.name))].map((model) => `${name}/${model}`),
    );

function isOpenTo({ name, spec: { tenants, ownKeys } }: Provider, { tenant, tenantClass, ownKeys: brought }: Customer): boolean {
  if (ownKeys === 'Required' && !brought.includes(name)) return false;
  if (!tenants) return true;
  return tenants.names.includes(tenant) || (tenantClass !== undefined && tenants.classes.includes(tenantClass));
}
