import { parseModel, type ProviderDocument, type TenantPolicy } from '@cloister/tenancy';
import type { Credentials, Providers } from '../../directory/directory.ts';
import { fail } from '../errors.ts';

/** A model as a provider's document has it. */
export interface Offered {
  /** The provider's own name of it. */
  readonly name: string;
}

/** Where a call goes, all of it decided from documents of the platform and nothing of it by the pod. */
export interface Target<M extends Offered = Offered> {
  readonly provider: ProviderDocument;
  readonly model: M;
  readonly credential: string | undefined;
}

/** Where it is looked up. */
export interface Known {
  readonly providers: Providers;
  readonly credentials: Credentials;
}

/**
 * Among what providers offer for this kind of call. Throws `model_not_allowed`, `model_not_suitable`, `provider_not_configured` or
 * `provider_credentials_missing`.
 */
export function targetOf<M extends Offered>(
  name: string,
  offers: (provider: ProviderDocument) => readonly M[],
  policy: TenantPolicy,
  { providers, credentials }: Known,
): Target<M> {
  const ref = parseModel(name);
  if (!ref || !policy.models.includes(name))
    throw fail('model_not_allowed', { param: 'model', values: { tenant: policy.tenant, model: name.slice(0, 200) } });
  const provider = providers.byName(ref.provider);
  const model = provider && offers(provider).find((offered) => offered.name === ref.model);
  if (!provider || !model) throw otherUse(name, ref.model, provider);
  return { provider, model, credential: credentialOf(provider, credentials) };
}

/** Models that may answer in the place of this one, in order: those that its ModelProvider names and the tenant may use. */
export function fallbacksOf(name: string, { models }: TenantPolicy, providers: Providers): string[] {
  const ref = parseModel(name);
  const offered = providers.byName(ref?.provider ?? '')?.models.find((model) => model.name === ref?.model);
  return (offered?.fallbacks ?? []).filter((fallback) => fallback !== name && models.includes(fallback));
}

function otherUse(name: string, model: string, provider: ProviderDocument | undefined) {
  const has = (offered: readonly Offered[] = []) => offered.some((one) => one.name === model);
  const use = has(provider?.models) ? 'chat completions' : has(provider?.embeddingModels) ? 'embeddings' : undefined;
  return use === undefined
    ? fail('provider_not_configured', { values: { model: name }, retryAfterSeconds: 30 })
    : fail('model_not_suitable', { param: 'model', values: { model: name, use } });
}

function credentialOf({ name, credentials: asked }: ProviderDocument, credentials: Credentials): string | undefined {
  if (!asked) return undefined;
  const value = credentials.read(asked.secretName, asked.key)?.trim();
  if (value === undefined || value === '')
    throw fail('provider_credentials_missing', { values: { provider: name }, retryAfterSeconds: 30 });
  return value;
}
