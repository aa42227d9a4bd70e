import { canonicalJSON, documentKey, documentKinds, labels, providerObjectName, type ProviderDocument } from '@cloister/tenancy';
import type { ModelProviderSpec } from '../api/model-provider.ts';
import { child, type Child } from '../child.ts';
import { configMaps } from '../kinds.ts';
import { systemLabels } from '../labels.ts';

/** Where they are, unless the ModelProvider says otherwise. */
const homes: Partial<Record<ModelProviderSpec['type'], string>> = {
  OpenAI: 'https://api.openai.com/v1',
  Anthropic: 'https://api.anthropic.com/v1',
  Gemini: 'https://generativelanguage.googleapis.com/v1beta/openai',
};

/** What egress needs to call the provider. The key itself stays in its Secret, which egress reads. */
export const providerChild = (name: string, spec: ModelProviderSpec, namespace: string): Child =>
  child(configMaps, {
    metadata: {
      name: providerObjectName(name),
      namespace,
      labels: { ...systemLabels, [labels.document]: documentKinds.provider },
    },
    data: { [documentKey]: canonicalJSON(providerDocumentOf(name, spec)) },
  });

export function providerDocumentOf(
  name: string,
  { type, baseURL, credentials, tenants: _tenants, ...asTheyAre }: ModelProviderSpec,
): ProviderDocument {
  return {
    name,
    type,
    baseURL: baseURL ?? homes[type],
    credentials: credentials && { secretName: credentials.secretRef.name, key: credentials.secretRef.key },
    ...asTheyAre,
  };
}
