/** Egress as it runs, with pod tokens, ceilings, metering and, where asked for, the durable budget. */
import {
  Administration,
  auditStore,
  CredentialDirectory,
  ledger,
  localCacheStore,
  migrate,
  podVerifier,
  PolicyDirectory,
  postgres,
  ProviderDirectory,
  startEgress,
  type AuditStore,
  type Ledger,
  type Sql,
} from '@cloister/gateway';
import { createLogger, createRegistry } from '@cloister/telemetry';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { announce, upstreamArgument } from './announce.ts';
import { policyFor, tenantCount } from './tenants.ts';

/** What a tenant without limits costs when nothing is stored for it. */
const forgetful: Ledger = {
  exchange: () => Promise.resolve({ now: Date.now(), replicas: 1, leases: [], present: [] }),
  expireSilent: () => Promise.resolve([]),
};

const unaudited: AuditStore = { append: () => Promise.resolve([]) };

const limited = process.argv[3] === 'budget';
const issuer = 'https://kubernetes.default.svc';
const tenant = `t${tenantCount - 1}`;

const policies = new PolicyDirectory();
for (let number = 0; number < tenantCount; number++) {
  const policy = policyFor(`t${number}`, 'http://127.0.0.1:1');
  policies.put(
    policy.tenant,
    limited ? { ...policy, budget: { timeZone: 'UTC', daily: { usd: 1e9 }, monthly: { usd: 1e9, tokens: 1e15 } } } : policy,
  );
}
const providers = new ProviderDirectory();
const price = { inputPerMillion: 0.25, outputPerMillion: 2 };
const models = [{ name: 'stub', contextWindow: 128_000, maxOutputTokens: 16_000, price }];
providers.put('stub', { name: 'stub', type: 'OpenAICompatible', baseURL: `${upstreamArgument()}/v1`, timeoutSeconds: 60, models });

const { privateKey, publicKey } = await generateKeyPair('RS256');
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] });
const serviceaccount = { name: 'agent', uid: `sa-${tenant}` };
const token = await new SignJWT({
  'kubernetes.io': { namespace: `tenant-${tenant}`, serviceaccount, pod: { name: 'support-7d9c5f8b6-x2x4z' } },
})
  .setProtectedHeader({ alg: 'RS256', kid: 'k' })
  .setIssuer(issuer)
  .setAudience('cloister-egress')
  .setExpirationTime('1h')
  .sign(privateKey);

const { books, records, note } = await openLedger();
const log = createLogger({ name: 'egress', destination: { write: () => undefined } });
const nobody = () => Promise.reject(new Error('nobody asks here'));
const egress = await startEgress({
  port: 0,
  policies,
  providers,
  credentials: new CredentialDirectory(),
  verifyPod: podVerifier(issuer, keys),
  verifyVoucher: () => Promise.resolve(undefined),
  ledger: books,
  auditStore: records,
  administration: new Administration({ seen: nobody, note: nobody, live: nobody }, log),
  cacheStore: localCacheStore(),
  readUsage: nobody,
  readEveryUsage: nobody,
  systemNamespace: 'cloister-system',
  maxBodyBytes: 10 * 1024 * 1024,
  drainSeconds: 0,
  ready: () => true,
  registry: createRegistry(),
  log,
});
const headers = { authorization: `Bearer ${token}` };
announce({
  url: `http://127.0.0.1:${egress.port}`,
  headers,
  model: 'stub/stub',
  notes: [`pod token, ceilings, metering, metrics and log lines on; ${note}`],
});

async function openLedger(): Promise<{ books: Ledger; records: AuditStore; note: string }> {
  if (!limited) return { books: forgetful, records: unaudited, note: 'no limits; usage and audit go nowhere' };
  const url = process.env['CLOISTER_TEST_POSTGRES_URL'];
  const sql = url ? postgres(url, () => undefined) : await pglite();
  await migrate(sql);
  const where = url
    ? 'Postgres'
    : 'PGlite inside the process of egress, which is slower than a Postgres beside it (set CLOISTER_TEST_POSTGRES_URL)';
  return { books: ledger(sql), records: auditStore(sql), note: `audit, and daily and monthly budget of money and tokens, in ${where}` };
}

async function pglite(): Promise<Sql> {
  const { PGlite } = await import('@electric-sql/pglite');
  const database = await PGlite.create();
  return {
    query: async (text, parameters) => (await database.query<Record<string, unknown>>(text, [...parameters])).rows,
    script: async (text) => {
      await database.exec(text);
    },
  };
}
