import type { Cluster } from 'kube-runtime';
import { z } from 'zod';
import type { ClusterKeys } from './cluster-keys.ts';

const discovery = z.looseObject({ issuer: z.string().min(1) });
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/** Issuer and keys as the API server publishes them (ServiceAccount issuer discovery). Needs ClusterRole `system:service-account-issuer-discovery`. */
export async function fetchClusterKeys(cluster: Cluster): Promise<ClusterKeys> {
  const [configuration, keys] = await Promise.all([
    cluster.request({ path: '/.well-known/openid-configuration' }),
    cluster.request({ path: '/openid/v1/jwks', accept: 'application/jwk-set+json, application/json' }),
  ]);
  return { issuer: discovery.parse(configuration).issuer, jwks: keySet.parse(keys) };
}
