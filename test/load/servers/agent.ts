/** The agent runtime as it runs in a pod: TLS, callers as edge vouches for them, its settings in Postgres, before an egress. */
import { createLogger } from '@cloister/telemetry';
import { callerVerifier } from '@cloister/identity';
import { agentAudienceOf, agentDocument, edgeIssuer } from '@cloister/tenancy';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { devDocument } from '../../../agent-runtime/src/dev/dev-document.ts';
import { startRuntime } from '../../../agent-runtime/src/runtime.ts';
import { openPostgres } from '../../../agent-runtime/src/store/postgres.ts';
import { announce } from './announce.ts';
import { logger } from './log.ts';
import { given, readSetup } from './setup.ts';
import { nameOf } from './tenants.ts';

const { upstream, tenants, stores, keys, podToken } = readSetup();
const { identity, serving } = given(keys, 'keys');
const tenant = nameOf(tenants - 1);
const expected = { issuer: edgeIssuer, audience: agentAudienceOf(tenant) };
const base = devDocument({ egressURL: `${upstream}/v1`, model: 'stub/stub', instructions: 'You are {{agent}} of {{tenant}}.' });
const document = agentDocument.parse({ ...base, tenant, agent: 'support', identity: expected });

const folder = mkdtempSync(join(tmpdir(), 'cloister-load-'));
const urlFile = join(folder, 'url');
writeFileSync(urlFile, given(stores, 'stores').postgresURL, { mode: 0o600 });
process.once('exit', () => rmSync(folder, { recursive: true }));

const problems = createLogger({ name: 'agent', level: 'error' });
const runtime = await startRuntime({
  document,
  database: openPostgres({ urlFile, onConnectionLost: (error) => problems.error({ err: error }, 'database') }),
  egressToken: () => Promise.resolve(podToken),
  verify: callerVerifier({ ...expected, jwks: identity.jwks }),
  certificate: { initial: { cert: serving, key: serving, minVersion: 'TLSv1.3' }, onChange: () => undefined, stop: () => undefined },
  logger: logger('agent', { silent: false }),
  host: '127.0.0.1',
  httpPort: 0,
  metricsPort: 0,
  maxBodyBytes: 8 * 1024 * 1024,
});
await runtime.ready;
announce({ url: `https://localhost:${runtime.httpPort}` });
