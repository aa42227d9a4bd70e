/** The operator's process. */
import { fieldManager } from '@cloister/tenancy';
import { createLogger, createRegistry } from '@cloister/telemetry';
import { connect } from 'kube-runtime';
import { collectWhenIdle } from './idle-collection.ts';
import { memoryTrim } from './memory-trim.ts';
import { readOperatorSettings } from './settings.ts';
import { leaseName, startOperator } from './start.ts';

const { environment, configuration } = readOperatorSettings();
const log = createLogger({ name: 'operator', level: environment.LOG_LEVEL });

const cluster = await connect({ fieldManager, userAgent: 'cloister-operator', log, registry: createRegistry() });
const namespace = environment.POD_NAMESPACE ?? configuration.systemNamespace;
const { POD_NAME: identity } = environment;
const stopCollecting = collectWhenIdle(memoryTrim(log));

try {
  await startOperator(cluster, configuration, {
    metricsPort: environment.METRICS_PORT,
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
