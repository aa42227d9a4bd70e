import { join } from 'node:path';
import { addressesOf } from './addresses.ts';
import { apiServerPort } from './components/api-server.ts';
import { readCredentials } from './credentials.ts';
import { ClusterError } from './errors.ts';
import { isAlive } from './machine/process.ts';
import { fixedServiceIPs, postgresDatabase, postgresPort, redisPort } from './manifests/names.ts';
import { clusterDir } from './paths.ts';
import { readRecord, type ClusterRecord } from './record.ts';

/** A running cluster and how to reach it from this machine. */
export interface Cluster {
  readonly name: string;
  /** Directory with everything of it. */
  readonly dir: string;
  /** File of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Base URL of the API server. */
  readonly apiServer: string;
  /** Base URL of the ingress, on loopback. Which tenant is meant is for the Host header or the credential to say. */
  readonly ingressURL: string;
  /** File with one JSON audit event a line, for every write. */
  readonly auditLog: string;
  /** Process id, on this machine, of the node's first process: `nsenter --target <pid> --all` is a shell on the node. */
  readonly pid: number;
  readonly nodeIP: string;
  /** This machine's address, as the node sees it. */
  readonly hostIP: string;
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  /** Superuser, through the Service's address. */
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  /** A user who may do everything, through the Service's address. */
  readonly redis: { readonly url: string };
  /** Programs of the cluster's own version. */
  readonly kubectl: string;
  readonly helm: string;
}

/** The cluster of that name if it runs and its start succeeded; a bare control plane is none. */
export async function clusterStatus(name: string): Promise<Cluster | undefined> {
  const record = await readRecord(clusterDir(name));
  if (record?.kind !== 'cluster' || !record.complete || !record.machine || !(await isAlive(record.machine))) return undefined;
  return describe(record, record.machine.pid);
}

/** The cluster that CLOISTER_TEST_CLUSTER names, for tests. Throws a message that says how to start one. */
export async function testCluster(): Promise<Cluster> {
  const name = process.env['CLOISTER_TEST_CLUSTER'];
  if (name === undefined || name === '') throw new ClusterError('no_test_cluster');
  const cluster = await clusterStatus(name);
  if (!cluster) throw new ClusterError('unknown_cluster', { name });
  return cluster;
}

async function describe({ name, slot }: ClusterRecord, pid: number): Promise<Cluster> {
  const dir = clusterDir(name);
  const addresses = addressesOf(slot);
  const { nodeIP, hostIP, podCIDR, serviceCIDR, ingressPort } = addresses;
  const { user, postgresPassword, redisPassword } = await readCredentials(dir);
  const services = fixedServiceIPs(addresses);
  return {
    name,
    dir,
    kubeconfig: join(dir, 'kubeconfig'),
    apiServer: `https://${nodeIP}:${apiServerPort}`,
    ingressURL: `http://127.0.0.1:${ingressPort}`,
    auditLog: join(dir, 'audit.log'),
    pid,
    nodeIP,
    hostIP,
    podCIDR,
    serviceCIDR,
    postgres: { host: services.postgres, port: postgresPort, user, password: postgresPassword, database: postgresDatabase },
    redis: { url: `redis://${user}:${redisPassword}@${services.redis}:${redisPort}/0` },
    kubectl: join(dir, 'bin', 'kubectl'),
    helm: join(dir, 'bin', 'helm'),
  };
}
