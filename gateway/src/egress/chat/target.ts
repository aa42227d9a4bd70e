import { parseModel, type ProviderDocument, type TenantPolicy } from '@cloister/tenancy';
import type { Credentials, Providers, TenantKeys } from '../../directory/directory.ts';
import { fail } from '../errors.ts';

/** A model as a provider's document has it. */
export interface Offered {
  /** The provider's own name of it. */
  readonly name: string;
  readonly price: { readonly asOf?: string | undefined };
}

/** A tenant's own, or the platform's. */
export type KeyOwner = 'own' | 'platform';

/** Where a call goes, all of it decided from documents of the platform and nothing of it by the pod. */
export interface Target<M extends Offered = Offered> extends Offer<M> {
  readonly credential: string | undefined;
  /** Whose credential that is; undefined for a provider that asks for none. */
  readonly whose: KeyOwner | undefined;
}

export interface Offer<M extends Offered = Offered> {
  readonly provider: ProviderDocument;
  readonly model: M;
}

/** Where it is looked up. */
export interface Known {
  readonly providers: Providers;
  readonly credentials: Credentials;
  readonly ownKeys: TenantKeys;
}

/** An offer with its key. Throws `own_key_missing` or `provider_credentials_missing`. */
export const targetOf = <M extends Offered>(offer: Offer<M>, policy: TenantPolicy, known: Known): Target<M> => ({
  ...offer,
  ...keyFor(offer.provider, policy, known),
});

/** Among what providers offer for this kind of call. Throws `model_not_allowed`, `model_not_suitable` or `provider_not_configured`. */
export function offerOf<M extends Offered>(
  name: string,
  offers: (provider: ProviderDocument) => readonly M[],
  policy: TenantPolicy,
  { providers }: Pick<Known, 'providers'>,
): Offer<M> {
  const ref = parseModel(name);
  if (!ref || !policy.models.includes(name))
    throw fail('model_not_allowed', { param: 'model', values: { tenant: policy.tenant, model: name.slice(0, 200) } });
  const provider = providers.byName(ref.provider);
  const model = provider && offers(provider).find((offered) => offered.name === ref.model);
  if (!provider || !model) throw otherUse(name, ref.model, provider);
  return { provider, model };
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

/** With whose key a tenant is to be called for at a provider, whether there is one or not. */
export const keyOwner = ({ name, ownKeys }: ProviderDocument, policy: TenantPolicy): KeyOwner =>
  policy.ownKeys?.includes(name) || ownKeys === 'Required' ? 'own' : 'platform';

/** Between the Secret and the policy that the operator writes there are moments; all else lasts until somebody acts, whom the status tells. */
const ownKeyRetrySeconds = 2;

/** Where the tenant is to be called for with a key of its own, that or none: the platform's would be another's bill. */
function keyFor(provider: ProviderDocument, policy: TenantPolicy, { credentials, ownKeys }: Known): Pick<Target, 'credential' | 'whose'> {
  if (keyOwner(provider, policy) === 'own') {
    const credential = ownKeys.read(policy, provider.name);
    if (credential === undefined)
      throw fail('own_key_missing', { values: { provider: provider.name }, retryAfterSeconds: ownKeyRetrySeconds });
    return { credential, whose: 'own' };
  }
  const credential = credentialOf(provider, credentials);
  return { credential, whose: credential === undefined ? undefined : 'platform' };
}

function credentialOf({ name, credentials: asked }: ProviderDocument, credentials: Credentials): string | undefined {
  if (!asked) return undefined;
  const value = credentials.read(asked.secretName, asked.key)?.trim();
  if (value === undefined || value === '')
    throw fail('provider_credentials_missing', { values: { provider: name }, retryAfterSeconds: 30 });
  return value;
}
