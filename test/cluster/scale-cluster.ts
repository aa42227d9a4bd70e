import { apiServer, leases } from './components/api-server.ts';
import { controllerManager } from './components/controller-manager.ts';
import { dataMounts, dataServers, unpackDataServers } from './components/data-servers.ts';
import { etcd } from './components/etcd.ts';
import { kwok, writeKwokConfig } from './components/kwok.ts';
import { scheduler } from './components/scheduler.ts';
import { controlPlaneOf, prepareControlPlane, type ControlPlane } from './control-plane.ts';
import { adminUser, makeCredentials } from './credentials.ts';
import { mounts, network } from './machine/setup.ts';
import { administrator } from './pki.ts';
import { programPath } from './programs/build.ts';
import { silent, type Progress } from './progress.ts';
import { start } from './start.ts';
import type { Cluster } from './status.ts';
import { storesOf, type Stores } from './stores.ts';

export interface ScaleClusterOptions {
  readonly name: string;
  /** Users whose every request but watches goes to the audit log, beside the administrator's and the endings of namespaces. */
  readonly audited: readonly string[];
  readonly progress?: Progress;
}

/** A cluster in which everything is real but nodes and pods. */
export type ScaleCluster = ControlPlane & Stores & Pick<Cluster, 'helm'>;

/** Kubernetes' own controllers speak 20 times a second unless told otherwise: a brake for which thousands of objects would wait for minutes. */
const unbraked = { 'kube-api-qps': 1000, 'kube-api-burst': 2000 };
const manyWorkers = Object.fromEntries(
  ['deployment', 'replicaset', 'endpoint', 'service-endpoint', 'namespace', 'gc', 'resource-quota', 'serviceaccount-token'].map((name) => [
    `concurrent-${name}-syncs`,
    name === 'gc' ? 20 : 10,
  ]),
);

/**
 * Starts etcd, API server, Kubernetes' controllers and scheduler, kwok in place of all nodes, and Postgres and Redis.
 *
 * Postgres and Redis are processes beside the control plane rather than pods of a whole cluster: kubelet, containerd, kube-proxy, policy
 * enforcer and Ingress would each follow every object of a thousand tenants, and what is to be measured would wait for them.
 */
export async function startScaleCluster({ name, audited, progress = silent() }: ScaleClusterOptions): Promise<ScaleCluster> {
  const started = await start({
    name,
    kind: 'control-plane',
    programs: ['node', 'kube', 'kwok', 'helm'],
    progress,
    prepare: async (dir, addresses) => {
      await prepareControlPlane(dir, addresses, auditRules(audited));
      await makeCredentials(dir);
      await Promise.all([writeKwokConfig(dir), unpackDataServers(dir, progress)]);
    },
    plan: (dir, addresses) => ({
      setup: [...mounts(dir), ...network(addresses), ...dataMounts()],
      components: [
        etcd(),
        apiServer(addresses),
        controllerManager(addresses, { ...unbraked, ...manyWorkers }),
        scheduler(unbraked),
        kwok(),
        ...dataServers({ user: adminUser }),
      ],
    }),
  });
  return { ...controlPlaneOf(started), helm: programPath(started.builds, 'helm'), ...(await storesOf(started)) };
}

const auditRules = (users: readonly string[]): object[] => [
  { level: 'None', verbs: ['watch'] },
  // kwok speaks as the administrator too
  {
    level: 'None',
    users: [administrator],
    resources: [{ group: '', resources: ['nodes', 'nodes/status', 'pods', 'pods/status'] }, ...leases],
  },
  { level: 'Metadata', users: [administrator, ...users] },
  // who ends a namespace is its own controller
  { level: 'Metadata', verbs: ['update'], resources: [{ group: '', resources: ['namespaces/finalize'] }] },
  { level: 'None' },
];
