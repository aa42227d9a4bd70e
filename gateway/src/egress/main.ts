/** `gateway egress`: settings, cluster and Postgres into a running egress. */
import { readSettings } from '@cloister/settings';
import { createLogger, createRegistry, serveMetrics, type Logger } from '@cloister/telemetry';
import { documentKinds, ownKeys as ownKeysDocument, providerDocument, tenantPolicy } from '@cloister/tenancy';
import { connect, type Cluster } from 'kube-runtime';
import { CredentialDirectory, OwnKeyDirectory, PolicyDirectory, ProviderDirectory } from '../directory/directory.ts';
import { followConfigMaps, followRawSecrets, followSecrets } from '../directory/follow.ts';
import { configMapsNow } from '../directory/read-now.ts';
import { followedRedis } from '../redis/followed-redis.ts';
import { tracingOptions } from '../server/settings.ts';
import { untilDone } from '../server/until-done.ts';
import { untilTold } from '../server/until-told.ts';
import { startTracing } from '../tracing/tracing.ts';
import { administrationStore } from './audit/administration/administration-store.ts';
import { Administration } from './audit/administration/administration.ts';
import { noteGoneTenants } from './audit/administration/gone-tenants.ts';
import { recordedPolicies } from './audit/administration/recorded-policies.ts';
import { keepPruning } from './audit/keep-pruning.ts';
import { lostRecords } from './audit/metrics.ts';
import { auditStore } from './audit/store.ts';
import { keepForgetting } from './budget/keep-forgetting.ts';
import { redisCacheStore } from './cache/redis-cache-store.ts';
import { ledger } from './budget/ledger.ts';
import { migrate } from './budget/migrate.ts';
import { followedPostgres } from './budget/sql/followed-postgres.ts';
import { startEgress } from './egress.ts';
import { followedEdgeKeys } from './followed-edge-keys.ts';
import { clusterKeys } from './pods/cluster-keys.ts';
import { fetchClusterKeys } from './pods/fetch-cluster-keys.ts';
import { podVerifier, type VerifyPod } from './pods/pod-token.ts';
import { mebibyte, type ProxyOptions } from './proxy/proxy.ts';
import { egressSettings, type EgressSettings } from './settings.ts';
import { everyBooks } from './usage/every-books.ts';
import { usageBooks } from './usage/usage-books.ts';

/** Milliseconds after which this replica knows what the others had on record when it started. */
const untilAllIsKnown = 60_000;

/** Resolves when the process was told to stop and everything in flight has ended and is settled. */
export async function runEgress(): Promise<void> {
  const settings = readSettings(egressSettings);
  const log = createLogger({ name: 'egress', level: settings.LOG_LEVEL });
  const registry = createRegistry();
  const tracing = await startTracing({ ...tracingOptions(settings, 'cloister-egress'), parentDecides: true, registry, log });
  const cluster = await connect({ log, registry });
  const edgeKeys = followedEdgeKeys(settings.EDGE_KEYS_FILE, log);
  const sql = followedPostgres(settings.DATABASE_URL_FILE, log);
  const administration = new Administration(administrationStore(sql), log, (records) => lostRecords(registry).inc(records));
  const { informers, documents, ...directories } = follow(cluster, settings, administration, log);
  // What a tenant reads of its usage may be long; it must keep nobody's call waiting for the ledger.
  const readers = followedPostgres(settings.DATABASE_URL_FILE, log, { connections: 2 });
  const redis = followedRedis(settings.REDIS_URL_FILE, log);

  const stopping = new AbortController();
  let verifyPod: VerifyPod | undefined;
  let migrated = false;
  const starting = Promise.all([
    untilDone('fetch the keys of the cluster', log, stopping.signal, async () => (verifyPod = await verifier(cluster))),
    untilDone('migrate the ledger', log, stopping.signal, () => migrate(sql).then(() => (migrated = true))),
  ]);
  const egress = await startEgress({
    ...directories,
    port: settings.HTTP_PORT,
    verifyPod: (token) => verifyPod?.(token) ?? Promise.resolve(undefined),
    verifyVoucher: edgeKeys.verify,
    ledger: ledger(sql),
    auditStore: auditStore(sql),
    administration,
    readUsage: usageBooks(readers),
    readEveryUsage: everyBooks(readers),
    cacheStore: redisCacheStore(redis.use, 'egress:cache:'),
    systemNamespace: settings.SYSTEM_NAMESPACE,
    maxBodyBytes: settings.MAX_BODY_BYTES,
    proxy: proxyOptions(settings),
    drainSeconds: settings.DRAIN_SECONDS,
    ready: () => migrated && verifyPod !== undefined && informers.every((informer) => informer.synced),
    registry,
    log,
    tracing,
  });
  const stopForgetting = keepForgetting(sql, log);
  const lookForGone = setTimeout(() => {
    void untilDone('note which tenants are gone', log, stopping.signal, async () => {
      if (!informers.every((informer) => informer.synced)) throw new Error('not every tenant is known yet');
      const { policies } = directories;
      const now = configMapsNow(cluster, tenantPolicy);
      await noteGoneTenants(administration, { followed: documents, now, policies, namespace: settings.SYSTEM_NAMESPACE });
    });
  }, untilAllIsKnown);
  const stopPruning = keepPruning(sql, settings.AUDIT_RETENTION_DAYS, log);
  const live = () => informers.every((informer) => informer.alive);
  const metrics = await serveMetrics(registry, settings.METRICS_PORT, { live, ready: egress.ready });
  log.info({ port: egress.port }, 'egress serves');

  await untilTold();
  stopping.abort();
  await starting;
  await egress.drain();
  clearTimeout(lookForGone);
  stopForgetting();
  stopPruning();
  await Promise.all([tracing?.close(), administration.close()]);
  edgeKeys.stop();
  redis.close();
  metrics.close();
  await Promise.all([sql.close(), readers.close()]);
  await cluster.close();
}

function proxyOptions(settings: EgressSettings): ProxyOptions {
  return {
    forbidden: settings.PROXY_FORBIDDEN_CIDRS,
    cluster: [...settings.POD_IPS, ...settings.NODE_IPS, ...settings.KUBERNETES_SERVICE_HOST],
    limits: {
      connections: settings.PROXY_CONNECTIONS,
      totalConnections: settings.PROXY_TOTAL_CONNECTIONS,
      bytes: settings.PROXY_CONNECTION_MEBIBYTES * mebibyte,
      hourlyBytes: settings.PROXY_HOURLY_MEBIBYTES * mebibyte,
    },
  };
}

function follow(
  cluster: Cluster,
  { SYSTEM_NAMESPACE: namespace, PROVIDERS_NAMESPACE, OWN_KEYS_NAMESPACE }: EgressSettings,
  administration: Administration,
  log: Logger,
) {
  const [policies, providers] = [new PolicyDirectory(), new ProviderDirectory()];
  const [credentials, ownKeys] = [new CredentialDirectory(), new OwnKeyDirectory()];
  const into = recordedPolicies(policies, administration);
  const documents = followConfigMaps(cluster, { schema: tenantPolicy, documentKind: documentKinds.policy, namespace, into, log });
  const informers = [
    documents,
    followConfigMaps(cluster, { schema: providerDocument, documentKind: documentKinds.provider, namespace, into: providers, log }),
    followRawSecrets(cluster, PROVIDERS_NAMESPACE, credentials),
    followSecrets(cluster, {
      schema: ownKeysDocument,
      documentKind: documentKinds.ownKeys,
      namespace: OWN_KEYS_NAMESPACE,
      into: ownKeys,
      log,
    }),
  ];
  cluster.startInformers();
  return { policies, providers, credentials, ownKeys, documents, informers };
}

async function verifier(cluster: Cluster): Promise<VerifyPod> {
  const fetchKeys = () => fetchClusterKeys(cluster);
  const first = await fetchKeys();
  return podVerifier(first.issuer, clusterKeys(first, fetchKeys));
}
