/** The cluster under test, with Cloister installed on it, as `make test` leaves it to the end-to-end tests. */
import { testCluster, type Cluster } from '../../cluster/index.ts';
import { Kubectl } from './kubectl.ts';

export interface World {
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  /** `http://<host>:<port>` for a host name that the Ingress serves. */
  url(host: string): string;
}

export async function openWorld(): Promise<World> {
  const cluster = await testCluster();
  const { port } = new URL(cluster.ingressURL);
  return { cluster, kubectl: new Kubectl(cluster.kubeconfig, cluster.kubectl), url: (host) => `http://${host}:${port}` };
}
