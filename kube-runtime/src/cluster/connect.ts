import { Registry } from 'prom-client';
import { informerTimings, type InformerTimings } from '../cache/timings.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { ClusterClient } from './client.ts';
import type { Cluster } from './cluster.ts';
import { anonymous, fromKubeConfig } from './credentials.ts';
import { Transport } from './transport.ts';
import type { Wire } from './wire.ts';

/** How to reach the cluster, and under which name. Everything has a default: `connect()` alone works on a laptop and in a pod. */
export interface ConnectOptions extends ClientSettings {
  /** Path of a kubeconfig. Default: KUBECONFIG, `~/.kube/config`, then the pod's service account. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current one. */
  readonly context?: string;
  /** A server that asks for no credentials, such as `kubectl proxy`; then no kubeconfig is read. */
  readonly server?: string;
  /** Default: the field manager. */
  readonly userAgent?: string;
}

/** How to speak over a wire of your own. */
export interface ConnectToOptions extends ClientSettings {
  /** What `cluster.server` says. Default `wire:`. */
  readonly server?: string;
  /** What `cluster.namespace` says. Default `default`. */
  readonly namespace?: string;
}

interface ClientSettings {
  /** Who owns the fields that `apply` sets. Keep it for ever: under another name, earlier fields are nobody's. Default `kube-runtime`. */
  readonly fieldManager?: string;
  /** Default: silence. */
  readonly log?: Logger;
  /** Where metrics go. Default: a registry of its own, as `cluster.registry`. */
  readonly registry?: Registry;
  /** For tests: shorter times of list and watch. */
  readonly timings?: Partial<InformerTimings>;
}

/**
 * Finds the cluster and the credentials. Sends nothing yet.
 *
 * @throws KubeRuntimeError `credentials_missing` when no configuration names a cluster.
 */
export async function connect(options: ConnectOptions = {}): Promise<Cluster> {
  const { server, kubeconfig, context } = options;
  const credentials = server === undefined ? await fromKubeConfig({ kubeconfig, context }) : anonymous(server);
  const settings = settingsOf(options);
  const userAgent = `${options.userAgent ?? settings.fieldManager} (kube-runtime; node ${process.versions.node})`;
  const wire = new Transport(credentials, userAgent, settings.registry);
  return new ClusterClient({
    ...settings,
    wire,
    server: credentials.server,
    namespace: credentials.namespace,
    hangUp: () => credentials.close(),
  });
}

/**
 * A cluster at the end of any wire, such as a model of the API server in a simulation. All but the wire is as in life: the door for writes,
 * informers, apply. Closing it ends the watches; the wire is its maker's.
 */
export function connectTo(wire: Wire, { server = 'wire:', namespace = 'default', ...options }: ConnectToOptions = {}): Cluster {
  return new ClusterClient({ ...settingsOf(options), wire, server, namespace, hangUp: () => Promise.resolve() });
}

const settingsOf = ({ fieldManager = 'kube-runtime', log = silentLogger, registry = new Registry(), timings }: ClientSettings) => ({
  fieldManager,
  log,
  registry,
  timings: { ...informerTimings, ...timings },
});
