/** Egress as it runs, with pods' tokens, vouchers, ceilings, the durable budget and the audit in Postgres, less what it is told to leave out. */
import {
  Administration,
  auditStore,
  CredentialDirectory,
  OwnKeyDirectory,
  ledger,
  localCacheStore,
  migrate,
  podVerifier,
  PolicyDirectory,
  postgres,
  ProviderDirectory,
  startEgress,
  type Ledger,
} from '@cloister/gateway';
import { createRegistry } from '@cloister/telemetry';
import { createLocalJWKSet } from 'jose';
import { AuditTrail } from '../../../gateway/src/egress/audit/trail.ts';
import { voucherVerifier } from '../../../gateway/src/voucher/verify-voucher.ts';
import { announce } from './announce.ts';
import { podIssuer, podOf } from './keys.ts';
import { logger } from './log.ts';
import { given, readSetup } from './setup.ts';
import { nameOf, policyFor } from './tenants.ts';
import { stopCounting } from './unmeasured.ts';

/** What is left of a budget where nothing is limited and nothing is written down. */
const forgetful: Ledger = {
  exchange: () => Promise.resolve({ now: Date.now(), replicas: 1, leases: [], present: [] }),
  expireSilent: () => Promise.resolve([]),
};

const { upstream, tenants, without, stores, keys, dailyUsd } = readSetup();
const has = (feature: (typeof without)[number]) => !without.includes(feature);
const { identity, pods } = given(keys, 'keys');
if (!has('metrics')) stopCounting();
if (!has('audit')) AuditTrail.prototype.begin = () => () => undefined;

const policies = new PolicyDirectory();
for (let number = 0; number < tenants; number++) {
  const name = nameOf(number);
  policies.put(name, policyFor(name, { limits: true, dailyUsd: has('budget') ? dailyUsd : undefined }));
}
const measured = podOf(nameOf(tenants - 1));
const providers = new ProviderDirectory();
const price = { inputPerMillion: 0.25, outputPerMillion: 2 };
const models = [{ name: 'stub', contextWindow: 128_000, maxOutputTokens: 16_000, price }];
providers.put('stub', { name: 'stub', type: 'OpenAICompatible', baseURL: `${upstream}/v1`, timeoutSeconds: 60, models });

const sql = postgres(given(stores, 'stores').postgresURL, () => undefined);
await migrate(sql);
const log = logger('egress', { silent: !has('log lines') });
const nobody = () => Promise.reject(new Error('nobody asks here'));
const egress = await startEgress({
  port: 0,
  policies,
  providers,
  credentials: new CredentialDirectory(),
  ownKeys: new OwnKeyDirectory(),
  verifyPod: has('authentication')
    ? podVerifier(podIssuer, createLocalJWKSet({ keys: [pods.publicKey] }))
    : () => Promise.resolve(measured),
  verifyVoucher: voucherVerifier(identity.jwks),
  ledger: has('budget') ? ledger(sql) : forgetful,
  auditStore: auditStore(sql),
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
announce({ url: `http://127.0.0.1:${egress.port}`, model: 'stub/stub' }, () => egress.drain());
