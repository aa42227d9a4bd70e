/** What tests and benchmarks outside this folder use. */
export { AccessDirectory, CredentialDirectory, PolicyDirectory, ProviderDirectory } from './directory/directory.ts';
export { startEdge, type EdgeOptions } from './edge/edge.ts';
export { connectRedis } from './redis/followed-redis.ts';
export { localKeyStore } from './edge/issued-keys/local-key-store.ts';
export { localUseStore } from './edge/key-uses/local-use-store.ts';
export { LocalLimiter } from './edge/rate-limit/local-limiter.ts';
export { RedisLimiter } from './edge/rate-limit/redis-limiter.ts';
export { auditStore, type AuditStore } from './egress/audit/store.ts';
export { localCacheStore } from './egress/cache/local-cache-store.ts';
export { ledger, type Ledger } from './egress/budget/ledger.ts';
export { migrate } from './egress/budget/migrate.ts';
export { postgres } from './egress/budget/sql/postgres.ts';
export type { Sql } from './egress/budget/sql/sql.ts';
export { podVerifier } from './egress/pods/pod-token.ts';
export { startEgress, type EgressOptions } from './egress/egress.ts';
export { usageBooks, type ReadUsage } from './egress/usage/usage-books.ts';
export { voucherSigner } from './voucher/sign-voucher.ts';
export type { Running } from './server/serve.ts';
