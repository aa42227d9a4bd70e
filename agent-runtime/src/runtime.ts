/** Puts one agent together and runs it. */
import type { VerifyCaller } from '@cloister/identity';
import type { AgentDocument } from '@cloister/tenancy';
import { serveMetrics, type Logger } from '@cloister/telemetry';
import { createApp } from './http/app.ts';
import type { AgentParts } from './http/agent-parts.ts';
import type { ServingCertificate } from './http/followed-certificate.ts';
import { Lifecycle } from './http/lifecycle.ts';
import { listen, portOf } from './http/listen.ts';
import { tenantServer } from './http/tenant-server.ts';
import { createMeasures, type Measures } from './measures.ts';
import { Conversations } from './memory/conversations.ts';
import { Turns } from './memory/turns.ts';
import { egressClient } from './model/egress.ts';
import type { ReadToken } from './model/egress-token.ts';
import { CurrentSettings } from './settings/current-settings.ts';
import { SettingsStore } from './settings/settings-store.ts';
import type { Database } from './store/database.ts';
import { migrate } from './store/migrate.ts';
import { untilItWorks } from './store/until-it-works.ts';

export interface RuntimeOptions {
  readonly document: AgentDocument;
  readonly database: Database;
  readonly egressToken: ReadToken;
  readonly verify: VerifyCaller;
  /** Absent on a laptop alone: plain HTTP. */
  readonly certificate?: ServingCertificate;
  readonly logger: Logger;
  /** Address to listen on; all of them when absent. */
  readonly host?: string;
  readonly httpPort: number;
  readonly metricsPort: number;
  readonly maxBodyBytes: number;
}

export interface Runtime {
  readonly httpPort: number;
  readonly metricsPort: number;
  /** Resolves when the database has been prepared and requests are welcome, or the runtime was stopped before. */
  readonly ready: Promise<void>;
  /** Drains for `drainSeconds`, lets what is in flight finish, closes everything. */
  stop(drainSeconds: number): Promise<void>;
}

/** Resolves as soon as it listens; the database is prepared meanwhile, for as long as that takes. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { document, database, verify, certificate, logger, host, maxBodyBytes } = options;
  const lifecycle = new Lifecycle();
  const stopping = new AbortController();
  const measures = createMeasures(document.tenant, document.agent);
  const parts = agentParts(options, measures);
  const tenants = tenantServer(createApp({ parts, verify, logger, measures, maxBodyBytes }), lifecycle, certificate);
  const probes = { live: () => true, ready: () => lifecycle.ready };
  const [httpPort, management] = await Promise.all([
    listen(tenants.server, options.httpPort, host),
    serveMetrics(measures.registry, options.metricsPort, probes, host),
  ]);
  const metricsPort = portOf(management);
  logger.info({ httpPort, metricsPort }, 'Agent listens');
  const ready = prepare(database, parts.currentSettings, logger, stopping.signal).then((prepared) => {
    if (prepared) lifecycle.prepared();
  });
  const stop = async (drainSeconds: number): Promise<void> => {
    stopping.abort();
    await tenants.stop(drainSeconds);
    certificate?.stop();
    management.close();
    management.closeAllConnections();
    await ready;
    await database.close();
    logger.info('Agent stopped');
  };
  return { httpPort, metricsPort, ready, stop };
}

function agentParts({ document, database, egressToken, logger }: RuntimeOptions, measures: Measures): AgentParts {
  const settingsStore = new SettingsStore(database, document.agent);
  return {
    document,
    models: { call: egressClient({ baseURL: document.egressURL, agent: document.agent, token: egressToken }), measures },
    currentSettings: new CurrentSettings(settingsStore, document, logger),
    settingsStore,
    conversations: new Conversations(database, document.agent),
    turns: new Turns({ database, logger }),
    now: () => new Date(),
  };
}

async function prepare(database: Database, settings: CurrentSettings, logger: Logger, signal: AbortSignal): Promise<boolean> {
  const attempt = async (): Promise<void> => {
    await migrate(database);
    await settings.load();
  };
  const prepared = await untilItWorks(attempt, logger, signal);
  if (prepared) logger.info('Database ready');
  return prepared;
}
