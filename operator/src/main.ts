/** The operator's process. */
import { fieldManager } from '@cloister/tenancy';
import { createLogger, createRegistry } from '@cloister/telemetry';
import { connect } from 'kube-runtime';
import { collectWhenIdle } from './idle-collection.ts';
import { memoryTrim } from './memory-trim.ts';
import { readOperatorSettings } from './settings.ts';
import { leaseName, startOperator } from './start.ts';
import { askEgress } from './usage/read-usage.ts';

const { environment, configuration } = readOperatorSettings();
const log = createLogger({ name: 'operator', level: environment.LOG_LEVEL });

const cluster = await connect({ fieldManager, userAgent: 'cloister-operator', log, registry: createRegistry() });
const namespace = environment.POD_NAMESPACE ?? configuration.systemNamespace;
const { POD_NAME: identity, EGRESS_TOKEN_FILE: tokenFile } = environment;
const stopCollecting = collectWhenIdle(memoryTrim(log));

try {
  await startOperator(cluster, configuration, {
    metricsPort: environment.METRICS_PORT,
    readUsage: tokenFile === undefined ? undefined : askEgress(configuration.agentRuntime.egressURL, tokenFile),
    ...(configuration.leaderElection.enabled && { lease: { name: leaseName, namespace, ...(identity === undefined ? {} : { identity }) } }),
    onListening: ({ port }) => log.info({ port, server: cluster.server }, 'Started'),
  });
  log.info({}, 'Stopped');
} catch (error) {
  log.error({ error: error instanceof Error ? error.message : String(error) }, 'Ended by an error');
  process.exitCode = 1;
} finally {
  stopCollecting();
  await cluster.close();
}
