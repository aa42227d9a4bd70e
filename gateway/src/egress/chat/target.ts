import { parseModel, type ProviderDocument, type TenantPolicy } from '@cloister/tenancy';
import type { Credentials, Providers } from '../../directory/directory.ts';
import { fail } from '../errors.ts';
import type { Model } from './worst-case.ts';

/** Where a call goes, all of it decided from documents of the platform and nothing of it by the pod. */
export interface Target {
  readonly provider: ProviderDocument;
  /** With the provider's own name of it. */
  readonly model: Model;
  readonly credential: string | undefined;
}

/** Throws `model_not_allowed`, `provider_not_configured` or `provider_credentials_missing`. */
export function targetOf(name: string, policy: TenantPolicy, providers: Providers, credentials: Credentials): Target {
  const ref = parseModel(name);
  if (!ref || !policy.models.includes(name))
    throw fail('model_not_allowed', { param: 'model', values: { tenant: policy.tenant, model: name.slice(0, 200) } });
  const provider = providers.byName(ref.provider);
  const model = provider?.models.find((offered) => offered.name === ref.model);
  if (!provider || !model) throw fail('provider_not_configured', { values: { model: name }, retryAfterSeconds: 30 });
  return { provider, model, credential: credentialOf(provider, credentials) };
}

/** Models that may answer in the place of this one, in order: those that its ModelProvider names and the tenant may use. */
export function fallbacksOf(name: string, { models }: TenantPolicy, providers: Providers): string[] {
  const ref = parseModel(name);
  const offered = providers.byName(ref?.provider ?? '')?.models.find((model) => model.name === ref?.model);
  return (offered?.fallbacks ?? []).filter((fallback) => fallback !== name && models.includes(fallback));
}

function credentialOf({ name, credentials: asked }: ProviderDocument, credentials: Credentials): string | undefined {
  if (!asked) return undefined;
  const value = credentials.read(asked.secretName, asked.key)?.trim();
  if (value === undefined || value === '')
    throw fail('provider_credentials_missing', { values: { provider: name }, retryAfterSeconds: 30 });
  return value;
}
