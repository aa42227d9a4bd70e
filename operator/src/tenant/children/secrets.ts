import { namespaceOf, servingKey, tenantSecrets } from '@cloister/tenancy';
import { child, encoded, versionOf, type Child } from '../../child.ts';
import type { SecretContent } from '../../data/account.ts';
import { secrets, type Secret } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { annotationsOf } from '../../rotation/credential.ts';
import type { Rotation } from '../../rotation/rotate.ts';
import type { ServingCertificate } from '../../serving/certificate.ts';
import type { TenantSnapshot } from '../observe.ts';

const secret = (tenant: string, name: string, content: SecretContent, annotations?: Readonly<Record<string, string>>): Child =>
  child(secrets, {
    metadata: { name, namespace: namespaceOf(tenant), labels: tenantLabels(tenant), annotations },
    type: 'Opaque',
    data: encoded(content),
  });

/** API keys in clear, for the tenant's owners to hand out. */
export const apiKeySecrets = ({ name, apiKeys }: TenantSnapshot): Child[] =>
  apiKeys.map(({ basedOn, ...entry }) => ({
    ...secret(name, tenantSecrets.apiKey(entry.name), { key: entry.key }),
    ...(basedOn !== undefined && { basedOn }),
  }));

/** Mounted by the agents, which follow it without a restart. None until there is an authority that signs. */
export const servingSecret = ({ name, serving }: { readonly name: string; readonly serving: ServingCertificate | undefined }): Child[] =>
  serving
    ? [{ ...secret(name, tenantSecrets.serving, { [servingKey]: serving.text }, annotationsOf(serving)), basedOn: serving.basedOn }]
    : [];

/** What agents' pods mount to reach Postgres or Redis. `seen` is the Secret as it was before. */
export const credentialSecret = (tenant: string, name: string, { content, credential }: Rotation, seen: Secret | undefined): Child => ({
  ...secret(tenant, name, content, annotationsOf(credential)),
  basedOn: versionOf(seen),
});
