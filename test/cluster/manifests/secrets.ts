import type { Credentials } from '../credentials.ts';
import { dataNamespace, postgresDatabase, postgresPort, redisPort, systemNamespace, type Manifest } from './names.ts';

/** How Cloister finds its databases and may administer them; the chart's values name these Secrets. */
export function adminSecrets(namespace: string, { user, postgresPassword, redisPassword }: Credentials): Manifest[] {
  const secret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    stringData,
  });
  return [
    secret('postgres-admin', {
      host: `postgres.${dataNamespace}.svc`,
      port: String(postgresPort),
      user,
      password: postgresPassword,
      database: postgresDatabase,
    }),
    secret('redis-admin', { url: `redis://${user}:${redisPassword}@redis.${dataNamespace}.svc:${redisPort}/0` }),
  ];
}

export function systemManifests(credentials: Credentials): Manifest[] {
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } }, ...adminSecrets(systemNamespace, credentials)];
}

/** The class of the ingress that runs in the node; the default, so that an Ingress without one is served too. */
export function ingressClass(): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
    spec: { controller: 'cloister.dev/embedded-nginx' },
  };
}
