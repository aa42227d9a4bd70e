/** Edge as it runs, with API keys, limits, callers vouched for and TLS to the agent, less what it is told to leave out. */
import {
  AccessDirectory,
  connectRedis,
  localKeyStore,
  LocalLimiter,
  localUseStore,
  PolicyDirectory,
  RedisLimiter,
  startEdge,
  voucherSigner,
} from '@cloister/gateway';
import { callerSigner, createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import { edgeIssuer, type TenantAccess } from '@cloister/tenancy';
import { createRegistry } from '@cloister/telemetry';
import { announce } from './announce.ts';
import { letEverybodyIn } from './everybody.ts';
import { logger } from './log.ts';
import { given, readSetup } from './setup.ts';
import { farBudget, farLimits, nameOf, policyFor } from './tenants.ts';
import { stopCounting } from './unmeasured.ts';

const { upstream, tenants, without, stores, keys } = readSetup();
const has = (feature: (typeof without)[number]) => !without.includes(feature);
const { identity, authority } = given(keys, 'keys');
if (!has('metrics')) stopCounting();

const policies = new PolicyDirectory();
const access = new AccessDirectory();
const hs256 = { secret: 'only for measuring, as long as it must be', scopes: ['chat' as const] };
const apiKeys = Array.from({ length: tenants }, (_, number) => {
  const name = nameOf(number);
  const key = createApiKey(name);
  const own = { scopes: ['chat' as const], budget: farBudget, ...(has('limits') && { rateLimits: farLimits }) };
  const entry: TenantAccess['apiKeys'][number] = { id: parseApiKey(key)?.id ?? '', name: 'default', hash: hashApiKey(key), ...own };
  policies.put(name, policyFor(name, { agentURL: upstream, limits: has('limits'), dailyUsd: undefined }));
  access.put(name, { tenant: name, apiKeys: [entry], hs256, oidc: [] });
  return { key, entry, name };
});
const measured = given(apiKeys.at(-1), 'tenants');

const redis = stores && connectRedis(stores.redisURL, () => undefined);
const sign = await callerSigner(identity.privateKey, edgeIssuer);
const signVoucher = await voucherSigner(identity.privateKey);
const start = has('authentication') ? startEdge : letEverybodyIn({ tenant: measured.name, apiKey: measured.entry });
const edge = await start({
  port: 0,
  policies,
  access,
  sharedHosts: new Set(['*']),
  sign,
  signVoucher: has('vouchers') ? signVoucher : () => Promise.resolve('none'),
  authorities: { initial: authority, onChange: () => undefined },
  limiter: redis ? new RedisLimiter((work) => work(redis), 'edge:bench:') : new LocalLimiter(),
  useStore: localUseStore(),
  askUsage: () => Promise.reject(new Error('there is no egress here')),
  keyStore: localKeyStore(access.issued),
  keyRevoked: () => undefined,
  connectionBounds: { total: 4096, perAddress: 4096 },
  maxBodyBytes: 10 * 1024 * 1024,
  drainSeconds: 0,
  ready: () => true,
  registry: createRegistry(),
  log: logger('edge', { silent: !has('log lines') }),
});
announce({
  url: `http://127.0.0.1:${edge.port}`,
  headers: { authorization: `Bearer ${measured.key}` },
  model: 'support',
  others: apiKeys.slice(0, -1).map(({ key }) => key),
});
