import { apiVersion, canonicalJSON, documentKey, documentKinds, issuedKeyObjectName, labels, managedBy } from '@cloister/tenancy';
import { kind, type BaseObject, type Cluster } from 'kube-runtime';
import type { KeyStore } from './key-store.ts';

interface Secret extends BaseObject {
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
}
const secrets = kind<Secret>('v1', 'Secret');

/** Milliseconds that the API server may take: somebody waits for the answer. */
const patience = 5_000;

/** A Secret for each key: none is ever changed, so replicas that write at the same time lose nothing of each other. */
export function kubernetesKeyStore(cluster: Cluster, namespace: string): KeyStore {
  return {
    add: async (key) => {
      const secret = {
        metadata: {
          name: issuedKeyObjectName(key.tenant, key.id),
          namespace,
          labels: { [labels.managedBy]: managedBy, [labels.document]: documentKinds.issuedKey },
          // Kubernetes collects what belonged to a Tenant that is gone.
          ownerReferences: [{ apiVersion, kind: 'Tenant', name: key.tenant, uid: key.uid }],
        },
        type: 'Opaque',
        immutable: true,
        data: { [documentKey]: Buffer.from(canonicalJSON(key)).toString('base64') },
      };
      await cluster.create(secrets, secret, { signal: AbortSignal.timeout(patience) });
    },
    remove: (tenant, id) =>
      cluster.delete(secrets, { namespace, name: issuedKeyObjectName(tenant, id) }, { signal: AbortSignal.timeout(patience) }),
  };
}
