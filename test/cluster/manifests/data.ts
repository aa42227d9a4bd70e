import type { Addresses } from '../addresses.ts';
import type { Credentials } from '../credentials.ts';
import { postgresImage, redisImage } from '../images/recipes.ts';
import {
  dataNamespace as namespace,
  fixedServiceIPs,
  postgresDatabase,
  postgresPort,
  redisPort,
  systemNamespace,
  type Manifest,
} from './names.ts';
import { restrictedContainer, restrictedPod } from './pod.ts';
import { adminSecrets } from './secrets.ts';

/** Whose files the volumes are; the images name the same user. */
export const dataUser = 999;

/** Directories on the node, so that data outlives its pod. */
export const dataDirectories = ['postgres', 'redis'].map((name) => `/var/lib/cloister-data/${name}`);

/** Postgres and Redis as a tenant's cluster would have them: behind Services, in a namespace that lets in nobody but Cloister. */
export function dataManifests(addresses: Addresses, credentials: Credentials): Manifest[] {
  const ips = fixedServiceIPs(addresses);
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
    ...adminSecrets(namespace, credentials),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'passwords', namespace }, stringData: { ...credentials } },
    networkPolicy(addresses),
    ...server({
      name: 'postgres',
      image: postgresImage,
      ip: ips.postgres,
      port: postgresPort,
      env: {
        PGDATA: '/data/pgdata',
        POSTGRES_USER: credentials.user,
        POSTGRES_DB: postgresDatabase,
        PASSWORD_FILE: '/run/secrets/postgresPassword',
      },
      // what is lost with the machine need not be flushed to its disk
      args: ['-c', 'max_connections=400', '-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'shared_buffers=128MB'],
      memory: '1Gi',
    }),
    ...server({
      name: 'redis',
      image: redisImage,
      ip: ips.redis,
      port: redisPort,
      env: { REDIS_DATA: '/data', REDIS_USER: credentials.user, PASSWORD_FILE: '/run/secrets/redisPassword' },
      args: [],
      memory: '256Mi',
    }),
  ];
}

/** In from Cloister and its tenants, and from the machine outside, where the tests are. Out to nowhere. */
function networkPolicy({ hostIP }: Addresses): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'only-cloister', namespace },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': systemNamespace } } },
            { namespaceSelector: { matchExpressions: [{ key: 'cloister.dev/tenant', operator: 'Exists' }] } },
            { ipBlock: { cidr: `${hostIP}/32` } },
          ],
        },
      ],
    },
  };
}

interface Server {
  readonly name: string;
  readonly image: string;
  readonly ip: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly memory: string;
}

function server(of: Server): Manifest[] {
  const labels = { 'app.kubernetes.io/name': of.name };
  const metadata = { name: of.name, namespace };
  return [
    volume(of.name),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: of.ip, selector: labels, ports: [{ port: of.port, targetPort: of.port }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: {
        serviceName: of.name,
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec(of) },
        volumeClaimTemplates: [claim(of.name)],
      },
    },
  ];
}

function podSpec({ name, image, port, env, args, memory }: Server): object {
  const container = {
    name,
    image,
    imagePullPolicy: 'Never',
    args,
    env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    ports: [{ containerPort: port }],
    securityContext: restrictedContainer,
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory } },
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'secrets', mountPath: '/run/secrets', readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
  return {
    automountServiceAccountToken: false,
    securityContext: restrictedPod(dataUser),
    terminationGracePeriodSeconds: 5,
    containers: [container],
    volumes: [
      { name: 'secrets', secret: { secretName: 'passwords', defaultMode: 0o440 } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
}

function claim(name: string): object {
  return {
    metadata: { name: 'data' },
    spec: { storageClassName: '', accessModes: ['ReadWriteOnce'], volumeName: name, resources: { requests: { storage: '1Gi' } } },
  };
}

function volume(name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      claimRef: { namespace, name: `data-${name}-0` },
      hostPath: { path: `/var/lib/cloister-data/${name}` },
    },
  };
}
