import { annotations, namespaceOf, tenantConfigMaps } from '@cloister/tenancy';
import { child, type Child } from '../../child.ts';
import { configMaps } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { edgeKeysFile, type PublishedKeys } from '../identity.ts';

/** Mounted by the agents, which follow it without a restart. None until edge has an identity. */
export const edgeKeysConfigMap = ({ name, edgeKeys }: { readonly name: string; readonly edgeKeys: PublishedKeys | undefined }): Child[] =>
  edgeKeys
    ? [
        child(configMaps, {
          metadata: {
            name: tenantConfigMaps.edgeIdentity,
            namespace: namespaceOf(name),
            labels: tenantLabels(name),
            annotations: edgeKeys.since === undefined ? undefined : { [annotations.madeAt]: edgeKeys.since },
          },
          data: { [edgeKeysFile]: edgeKeys.text },
        }),
      ]
    : [];
