import { documentKinds, labels } from '@cloister/tenancy';
import { controller, specChanged, type Controller, type ObjectKey } from 'kube-runtime';
import { modelProviderSpec } from '../api/model-provider.ts';
import type { Caches } from '../caches.ts';
import { configMaps, modelProviders, secrets, type Secret } from '../kinds.ts';
import { everything } from '../scopes.ts';
import type { Configuration } from '../settings.ts';
import { reconcileProvider } from './reconcile.ts';

export function providerController({
  caches,
  configuration,
}: {
  readonly caches: Caches;
  readonly configuration: Configuration;
}): Controller {
  const { systemNamespace, providersNamespace } = configuration;
  const usersOf = ({ metadata }: Secret): ObjectKey[] =>
    caches.modelProviders
      .list()
      .filter(({ spec }) => modelProviderSpec.safeParse(spec).data?.credentials?.secretRef.name === metadata.name)
      .map((provider) => ({ name: provider.metadata.name }));
  return controller('provider')
    .for(modelProviders, { ...everything, when: specChanged })
    .owns(configMaps, { namespace: systemNamespace, labelSelector: `${labels.document}=${documentKinds.provider}` })
    .watches(secrets, usersOf, { namespace: providersNamespace, metadataOnly: true })
    .maxBackoff(30_000)
    .reconcile((context) => reconcileProvider(context, { configuration, credentials: caches.credentials }));
}
