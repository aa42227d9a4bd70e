/**
 * Egress as a process that a test may kill at any moment, with real sockets and a real ledger. Who calls is taken from the token as it stands: it names
 * the namespace. Arguments: URL of the database, base URL of the provider, daily limit of each tenant in dollars. Tells its port on standard output.
 */
import { createLogger, createRegistry } from '@cloister/telemetry';
import { CredentialDirectory, OwnKeyDirectory, PolicyDirectory, ProviderDirectory } from '../directory/directory.ts';
import { policyOf } from '../policy.fixture.ts';
import { untilTold } from '../server/until-told.ts';
import { administrationStore } from './audit/administration/administration-store.ts';
import { Administration } from './audit/administration/administration.ts';
import { auditStore } from './audit/store.ts';
import { ledger } from './budget/ledger.ts';
import { postgres } from './budget/sql/postgres.ts';
import { localCacheStore } from './cache/local-cache-store.ts';
import { startEgress } from './egress.ts';
import { everyBooks } from './usage/every-books.ts';
import { usageBooks } from './usage/usage-books.ts';

const [url = '', baseURL = '', usd = '0', ...tenants] = process.argv.slice(2);
const sql = postgres(url, () => undefined);
const [policies, providers] = [new PolicyDirectory(), new ProviderDirectory()];
const price = { inputPerMillion: 1, outputPerMillion: 1 };
const models = [{ name: 'm', contextWindow: 10_000, maxOutputTokens: 100, price }];
providers.put('provider-p', { name: 'p', type: 'OpenAICompatible', baseURL, timeoutSeconds: 120, models });
for (const tenant of tenants)
  policies.put(
    `tenant-${tenant}`,
    policyOf(tenant, { uid: tenant, models: ['p/m'], budget: { timeZone: 'UTC', daily: { usd: Number(usd) } } }),
  );
const log = createLogger({ name: 'egress', level: 'fatal' });
const egress = await startEgress({
  port: 0,
  policies,
  providers,
  credentials: new CredentialDirectory(),
  ownKeys: new OwnKeyDirectory(),
  verifyPod: (token) => {
    const serviceAccount = { name: 'agent', uid: `sa-${token}` };
    return Promise.resolve({ namespace: `tenant-${token}`, serviceAccount, pod: 'support-7d9c5f8b6-x2x4z' });
  },
  verifyVoucher: () => Promise.resolve(undefined),
  ledger: ledger(sql),
  auditStore: auditStore(sql),
  readUsage: usageBooks(sql),
  readEveryUsage: everyBooks(sql),
  administration: new Administration(administrationStore(sql), log),
  cacheStore: localCacheStore(),
  systemNamespace: 'cloister-system',
  maxBodyBytes: 1024 * 1024,
  drainSeconds: 0,
  ready: () => true,
  registry: createRegistry(),
  log,
});
console.log(egress.port);
await untilTold();
await egress.drain();
await sql.close();
