/** `gateway edge`: settings, cluster and Redis into a running edge. */
import { readSettings } from '@cloister/settings';
import { createLogger, createRegistry, serveMetrics } from '@cloister/telemetry';
import { documentKinds, issuedKey, tenantAccess, tenantPolicy } from '@cloister/tenancy';
import { connect } from 'kube-runtime';
import { AccessDirectory, PolicyDirectory } from '../directory/directory.ts';
import { followConfigMaps, followSecrets } from '../directory/follow.ts';
import { secretsNow } from '../directory/read-now.ts';
import { tracingOptions } from '../server/settings.ts';
import { untilDone } from '../server/until-done.ts';
import { untilTold } from '../server/until-told.ts';
import { startTracing } from '../tracing/tracing.ts';
import { startEdge } from './edge.ts';
import { agentsTrust, followedAuthorities, issuersTrust } from './followed-authorities.ts';
import { followedIdentity } from './followed-identity.ts';
import { followedRedis } from '../redis/followed-redis.ts';
import { tellGoneKeys } from './issued-keys/gone-keys.ts';
import { kubernetesKeyStore } from './issued-keys/kubernetes-key-store.ts';
import { keyReports } from './issued-keys/key-reports.ts';
import { tellEgress } from './issued-keys/tell-egress.ts';
import { redisUseStore } from './key-uses/redis-use-store.ts';
import { RedisLimiter } from './rate-limit/redis-limiter.ts';
import { edgeSettings } from './settings.ts';
import { askEgress } from './usage/ask-egress.ts';

/** Milliseconds after which this replica knows the keys that the others had told of when it started. */
const untilAllIsKnown = 60_000;

/** Resolves when the process was told to stop and everything in flight has ended. */
export async function runEdge(): Promise<void> {
  const settings = readSettings(edgeSettings);
  const log = createLogger({ name: 'edge', level: settings.LOG_LEVEL });
  const registry = createRegistry();
  const tracing = await startTracing({
    ...tracingOptions(settings, 'cloister-edge'),
    parentDecides: settings.TRACING_TRUST_CALLERS,
    registry,
    log,
  });
  const cluster = await connect({ log, registry });
  const [policies, access] = [new PolicyDirectory(), new AccessDirectory()];
  const egress = tellEgress(settings.EGRESS_URL, settings.EGRESS_TOKEN_FILE);
  const reports = keyReports(access.issued, egress.send, log);
  const issued = followSecrets(cluster, {
    schema: issuedKey,
    documentKind: documentKinds.issuedKey,
    namespace: settings.KEYS_NAMESPACE,
    into: reports,
    log,
  });
  const informers = [
    followConfigMaps(cluster, {
      schema: tenantPolicy,
      documentKind: documentKinds.policy,
      namespace: settings.SYSTEM_NAMESPACE,
      into: policies,
      log,
    }),
    followSecrets(cluster, {
      schema: tenantAccess,
      documentKind: documentKinds.access,
      namespace: settings.ACCESS_NAMESPACE,
      into: access,
      log,
    }),
    issued,
  ];
  cluster.startInformers();

  const redis = followedRedis(settings.REDIS_URL_FILE, log);
  const identity = await followedIdentity(settings.IDENTITY_KEY_FILE, log);
  const authorities = followedAuthorities(agentsTrust(settings.AGENTS_TRUST_FILE), log);
  const issuerAuthorities =
    settings.ISSUER_AUTHORITIES_FILE === undefined ? undefined : followedAuthorities(issuersTrust(settings.ISSUER_AUTHORITIES_FILE), log);
  const edge = await startEdge({
    port: settings.HTTP_PORT,
    policies,
    access,
    sharedHosts: settings.EDGE_SHARED_HOSTS,
    sign: identity.sign,
    signVoucher: identity.signVoucher,
    authorities,
    issuerAuthorities,
    limiter: new RedisLimiter(redis.use, 'edge:limits:'),
    askUsage: askEgress(settings.EGRESS_URL, settings.EGRESS_TOKEN_FILE),
    useStore: redisUseStore(redis.use, 'edge:used:'),
    keyStore: kubernetesKeyStore(cluster, settings.KEYS_NAMESPACE),
    keyRevoked: reports.revoked,
    connectionBounds: { total: settings.MAX_CONNECTIONS, perAddress: settings.MAX_CONNECTIONS_PER_ADDRESS },
    maxBodyBytes: settings.MAX_BODY_BYTES,
    drainSeconds: settings.DRAIN_SECONDS,
    ready: () => informers.every((informer) => informer.synced),
    registry,
    log,
    tracing,
  });
  const live = () => informers.every((informer) => informer.alive);
  const metrics = await serveMetrics(registry, settings.METRICS_PORT, { live, ready: edge.ready });
  log.info({ port: edge.port }, 'edge serves');
  const stopping = new AbortController();
  const lookForGone = setTimeout(() => {
    const look = async () => {
      if (!informers.every((informer) => informer.synced)) throw new Error('not every key is known yet');
      await tellGoneKeys(reports, await egress.known(), {
        followed: issued,
        now: secretsNow(cluster, issuedKey),
        keys: access.issued,
        namespace: settings.KEYS_NAMESPACE,
      });
    };
    void untilDone('ask egress which API keys it knows', log, stopping.signal, look);
  }, untilAllIsKnown);

  await untilTold();
  stopping.abort();
  clearTimeout(lookForGone);
  await edge.drain();
  await Promise.all([tracing?.close(), reports.close()]);
  redis.close();
  identity.stop();
  authorities.stop();
  issuerAuthorities?.stop();
  metrics.close();
  await cluster.close();
}
