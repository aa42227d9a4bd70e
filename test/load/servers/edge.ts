/** Edge as it runs, with API keys, limits and signed callers, before the stub instead of an agent. */
import { makeAuthority } from '@cloister/certificates';
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
import { callerSigner, createApiKey, generateIdentityKeys, hashApiKey, parseApiKey } from '@cloister/identity';
import { edgeIssuer } from '@cloister/tenancy';
import { createLogger, createRegistry } from '@cloister/telemetry';
import { announce, upstreamArgument } from './announce.ts';
import { policyFor, tenantCount } from './tenants.ts';

const policies = new PolicyDirectory();
const access = new AccessDirectory();
let key = '';
const others: string[] = [];
const hs256 = { secret: 'only for measuring, as long as it must be', scopes: ['chat' as const] };
for (let tenant = 0; tenant < tenantCount; tenant++) {
  const name = `t${tenant}`;
  if (key !== '') others.push(key);
  key = createApiKey(name);
  policies.put(name, policyFor(name, upstreamArgument()));
  const entry = { id: parseApiKey(key)?.id ?? '', name: 'default', hash: hashApiKey(key), scopes: ['chat' as const] };
  access.put(name, { tenant: name, apiKeys: [entry], hs256, oidc: [] });
}
const redisURL = process.env['CLOISTER_TEST_REDIS_URL'];
const redis = redisURL === undefined ? undefined : connectRedis(redisURL, () => undefined);
// The stub speaks plain HTTP.
const { certificate } = await makeAuthority('nobody', { from: new Date(), days: 1 });
const identity = await generateIdentityKeys();
const edge = await startEdge({
  port: 0,
  policies,
  access,
  sharedHosts: new Set(['*']),
  sign: await callerSigner(identity.privateKey, edgeIssuer),
  signVoucher: await voucherSigner(identity.privateKey),
  authorities: { initial: certificate, onChange: () => undefined },
  limiter: redis ? new RedisLimiter((work) => work(redis), 'edge:bench:') : new LocalLimiter(),
  useStore: localUseStore(),
  askUsage: () => Promise.reject(new Error('there is no egress here')),
  keyStore: localKeyStore(access.issued),
  keyRevoked: () => undefined,
  maxBodyBytes: 10 * 1024 * 1024,
  drainSeconds: 0,
  ready: () => true,
  registry: createRegistry(),
  log: createLogger({ name: 'edge', destination: { write: () => undefined } }),
});
const counted = redis ? 'in Redis' : 'in this process (set CLOISTER_TEST_REDIS_URL to count in Redis)';
const notes = [`API key, requests per minute counted ${counted}, caller token, metrics and log lines on; ${tenantCount} tenants known`];
announce({ url: `http://127.0.0.1:${edge.port}`, headers: { authorization: `Bearer ${key}` }, notes, others: others.slice(0, 100) });
