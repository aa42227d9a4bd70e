/** Runs one agent in its pod. */
import { toldToEnd } from './told-to-end.ts';
import { readFileSync } from 'node:fs';
import { readSettings } from '@cloister/settings';
import { agentDocument, parseDocument } from '@cloister/tenancy';
import { createLogger } from '@cloister/telemetry';
import { environment } from './environment.ts';
import { followedVerifier } from './followed-verifier.ts';
import { followedCertificate } from './http/followed-certificate.ts';
import { egressToken } from './model/egress-token.ts';
import { startRuntime } from './runtime.ts';
import { openPostgres } from './store/postgres.ts';

const settings = readSettings(environment);
const documentFile = settings.AGENT_DOCUMENT_FILE;
const document = parseDocument(agentDocument, documentFile, readFileSync(documentFile, 'utf8'));
const { tenant, agent, identity } = document;
const logger = createLogger({ name: 'agent', level: settings.LOG_LEVEL, fields: { tenant, agent } });

const starting = startRuntime({
  document,
  database: openPostgres({
    urlFile: settings.DATABASE_URL_FILE,
    onConnectionLost: ({ message }) => logger.warn({ reason: message }, 'Database connection lost'),
  }),
  egressToken: egressToken(settings.EGRESS_TOKEN_FILE),
  verify: followedVerifier(settings.IDENTITY_FILE, identity, logger).verify,
  certificate: followedCertificate(settings.SERVING_FILE, logger),
  logger,
  httpPort: settings.HTTP_PORT,
  metricsPort: settings.METRICS_PORT,
  maxBodyBytes: settings.MAX_BODY_BYTES,
});

// It ends by itself once everything is closed.
void toldToEnd.then(async (signal) => {
  logger.info({ signal, drainSeconds: settings.DRAIN_SECONDS }, 'Agent stops');
  try {
    await (await starting).stop(settings.DRAIN_SECONDS);
  } catch (error) {
    logger.error({ err: error }, 'Agent did not stop cleanly');
    process.exitCode = 1;
  }
});

await starting;
