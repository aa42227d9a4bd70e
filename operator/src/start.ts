/** Puts the operator together on one cluster connection. */
import { run, type Cluster, type Controller, type RunOptions } from 'kube-runtime';
import { agentController } from './agent/controller.ts';
import { openCaches, type Caches } from './caches.ts';
import { classController } from './class/controller.ts';
import { Accounts } from './data/accounts.ts';
import { Connections, type AdminSecrets, type Administrators } from './data/connections.ts';
import { platformController } from './platform/controller.ts';
import * as kinds from './kinds.ts';
import { providerController } from './provider/controller.ts';
import { credentialMetrics } from './rotation/metrics.ts';
import type { Configuration } from './settings.ts';
import { tenantController } from './tenant/controller.ts';
import { measureIsolation } from './tenant/metrics.ts';
import { measureUsage } from './usage/metrics.ts';
import type { ReadUsage } from './usage/read-usage.ts';
import { UsageWatch } from './usage/usage-watch.ts';
import { Watchdog, type WatchedKind } from './watchdog/watchdog.ts';

export const leaseName = 'cloister-operator';

export interface OperatorOptions extends Pick<RunOptions, 'metricsPort' | 'signal' | 'onListening' | 'lease'> {
  /** Who makes accounts. Default: administrators of the Postgres and Redis that these Secrets name. */
  readonly administrators?: (secrets: AdminSecrets) => Administrators;
  /** Without it nobody is asked what tenants have used. */
  readonly readUsage?: ReadUsage | undefined;
}

/** Runs until the signal (default: SIGTERM or SIGINT). Throws what `run` of kube-runtime throws. */
export async function startOperator(
  cluster: Cluster,
  configuration: Configuration,
  { administrators = (secrets) => new Connections(secrets), readUsage, ...options }: OperatorOptions = {},
): Promise<void> {
  const { systemNamespace, postgres, redis, dataCheckSeconds } = configuration;
  const caches = openCaches(cluster, configuration);
  measureIsolation(cluster.registry, caches.tenants);
  measureUsage(cluster.registry, caches.tenants);
  const reader = (informer: typeof caches.postgresAdmin, name: string) => ({
    name,
    read: () => informer.get({ namespace: systemNamespace, name }),
  });
  const connections = administrators({
    namespace: systemNamespace,
    postgres: reader(caches.postgresAdmin, postgres.adminSecret.name),
    redis: reader(caches.redisAdmin, redis.adminSecret.name),
  });
  const accounts = new Accounts(connections, dataCheckSeconds);
  const usage = new UsageWatch({
    read: readUsage ?? (() => Promise.resolve({ tenants: [] })),
    seconds: configuration.usageSeconds,
    tenants: caches.tenants,
    registry: cluster.registry,
    log: cluster.log,
  });
  const parts = { caches, configuration, accounts, usage };
  const controllers: Controller[] = [
    platformController(parts),
    classController(parts),
    providerController(parts),
    tenantController(parts),
    agentController(parts),
  ];
  credentialMetrics(cluster.registry, caches);
  const watchdog = new Watchdog({ cluster, kinds: watchedKinds(caches), limit: configuration.behindSeconds });
  watchdog.start();
  accounts.start();
  if (readUsage) usage.start();
  try {
    await run({ cluster, controllers, ...options });
  } finally {
    watchdog.stop();
    accounts.stop();
    usage.stop();
    await connections.close();
  }
}

const watchedKinds = ({ tenants, agentConfigs, tenantClasses, modelProviders }: Caches): WatchedKind[] => [
  { kind: kinds.tenants, informer: tenants },
  { kind: kinds.agentConfigs, informer: agentConfigs },
  { kind: kinds.tenantClasses, informer: tenantClasses },
  { kind: kinds.modelProviders, informer: modelProviders },
];
