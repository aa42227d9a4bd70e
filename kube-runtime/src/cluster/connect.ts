import { Registry } from 'prom-client';
import { informerTimings, type InformerTimings } from '../cache/timings.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { ClusterClient } from './client.ts';
import type { Cluster } from './cluster.ts';
import { anonymous, fromKubeConfig } from './credentials.ts';

export interface ConnectOptions {
  /** Path of a kubeconfig. Default: KUBECONFIG, `~/.kube/config`, then the pod's service account. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current one. */
  readonly context?: string;
  /** A server that asks for no credentials, such as `kubectl proxy`; then no kubeconfig is read. */
  readonly server?: string;
  /** Who owns the fields that `apply` sets. Keep it for ever: under another name, earlier fields are nobody's. Default `kube-runtime`. */
  readonly fieldManager?: string;
  /** Default: the field manager. */
  readonly userAgent?: string;
  /** Default: silence. */
  readonly log?: Logger;
  /** Where metrics go. Default: a registry of its own, as `cluster.registry`. */
  readonly registry?: Registry;
  readonly timings?: Partial<InformerTimings>;
}

/**
 * Finds the cluster and the credentials. Sends nothing yet.
 *
 * @throws KubeRuntimeError `credentials_missing` when no configuration names a cluster.
 */
export async function connect(options: ConnectOptions = {}): Promise<Cluster> {
  const { server, kubeconfig, context, fieldManager = 'kube-runtime', log = silentLogger, registry = new Registry() } = options;
  const credentials = server === undefined ? await fromKubeConfig({ kubeconfig, context }) : anonymous(server);
  return new ClusterClient({
    credentials,
    fieldManager,
    userAgent: `${options.userAgent ?? fieldManager} (kube-runtime; node ${process.versions.node})`,
    log,
    registry,
    timings: { ...informerTimings, ...options.timings },
  });
}
