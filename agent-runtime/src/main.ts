/** Runs one agent in its pod. */
import { readFileSync } from 'node:fs';
import { callerVerifier } from '@cloister/identity';
import { readSettings } from '@cloister/settings';
import { agentDocument, parseDocument } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { environment } from './environment.ts';
import { egressToken } from './model/egress-token.ts';
import { startRuntime } from './runtime.ts';
import { openPostgres } from './store/postgres.ts';

const settings = readSettings(environment);
const documentFile = settings.AGENT_DOCUMENT_FILE;
const document = parseDocument(agentDocument, documentFile, readFileSync(documentFile, 'utf8'));
const { tenant, agent, identity } = document;
const logger = createLogger({ name: 'agent', level: settings.LOG_LEVEL, fields: { tenant, agent } });

const runtime = await startRuntime({
  document,
  database: openPostgres({
    urlFile: settings.DATABASE_URL_FILE,
    onConnectionLost: ({ message }) => logger.warn({ reason: message }, 'Database connection lost'),
  }),
  egressToken: egressToken(settings.EGRESS_TOKEN_FILE),
  verify: callerVerifier(identity),
  logger,
  httpPort: settings.HTTP_PORT,
  metricsPort: settings.METRICS_PORT,
  maxBodyBytes: settings.MAX_BODY_BYTES,
});

// The process ends by itself once everything is closed; a second signal ends it at once.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    logger.info({ signal, drainSeconds: settings.DRAIN_SECONDS }, 'Agent stops');
    runtime.stop(settings.DRAIN_SECONDS).catch((error: unknown) => {
      logger.error({ err: error }, 'Agent did not stop cleanly');
      process.exitCode = 1;
    });
  });
}
