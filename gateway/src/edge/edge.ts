/** Edge as a server, from its parts. Knows no cluster: production, tests and benchmarks give it their directories. */
import type { SignCaller } from '@cloister/identity';
import type { Logger, Registry } from '@cloister/telemetry';
import type { Access, Policies } from '../directory/directory.ts';
import { application } from '../server/application.ts';
import { BoundedConnections, type ConnectionBounds } from '../server/bounded-connections.ts';
import { serve, type Running, type ServeOptions } from '../server/serve.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { SignVoucher } from '../voucher/sign-voucher.ts';
import { authenticator } from './authenticate.ts';
import { callerTokens } from './caller-tokens.ts';
import { edgeHandler } from './handler.ts';
import { inTheMaking } from './issued-keys/in-the-making.ts';
import type { KeyStore } from './issued-keys/key-store.ts';
import { issuerConnections } from './jwt/issuer-connections.ts';
import { discoverIssuerKeys } from './jwt/issuer-keys.ts';
import type { IssuerKeys } from './jwt/user-token.ts';
import { keyUses } from './key-uses/key-uses.ts';
import type { UseStore } from './key-uses/use-store.ts';
import { edgeMetrics } from './metrics.ts';
import { withFallback } from './rate-limit/fallback.ts';
import type { RateLimiter } from './rate-limit/limiter.ts';
import type { Authorities, RelayTimeouts } from './relay/agent-connections.ts';
import { relay } from './relay/relay.ts';
import type { AskUsage } from './usage/ask-egress.ts';
import { vouchers } from './vouchers.ts';

export interface EdgeOptions {
  readonly port: number;
  readonly policies: Policies;
  readonly access: Access;
  readonly sharedHosts: ReadonlySet<string>;
  /** Vouches for callers towards agents. The key behind it may change at any time. */
  readonly sign: SignCaller;
  /** Vouches for callers towards egress, with the same key. */
  readonly signVoucher: SignVoucher;
  /** By whose word agents are trusted. */
  readonly authorities: Authorities;
  /** By whose word issuers of tokens are trusted, besides those that Node trusts. */
  readonly issuerAuthorities?: Authorities | undefined;
  /** Shared by all replicas. */
  readonly limiter: RateLimiter;
  /** Shared by all replicas. */
  readonly useStore: UseStore;
  /** Asks egress, which keeps the ledger. */
  readonly askUsage: AskUsage;
  /** What it holds, `access` hears of. */
  readonly keyStore: KeyStore;
  /** Hears which key was revoked here, for whom. */
  readonly keyRevoked: (tenantUid: string, id: string, by: string) => void;
  readonly connectionBounds: ConnectionBounds;
  readonly maxBodyBytes: number;
  readonly drainSeconds: number;
  readonly ready: () => boolean;
  readonly registry: Registry;
  readonly log: Logger;
  /** Closed by who made it. */
  readonly tracing?: Tracing | undefined;
  readonly issuerKeys?: IssuerKeys;
  readonly timeouts?: RelayTimeouts;
  readonly requestTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly untakenTimeoutMs?: number;
}

export async function startEdge(options: EdgeOptions): Promise<Running> {
  const { policies, access, sharedHosts, sign, signVoucher, keyStore, maxBodyBytes, registry, log } = options;
  const upstream = relay(options.authorities, options.timeouts);
  const issuers = issuerConnections(options.issuerAuthorities);
  const connections = new BoundedConnections(options.connectionBounds);
  const metrics = edgeMetrics(registry, { openCircuits: upstream.openCircuits, openConnections: () => connections.open });
  const limiter = withFallback({ shared: options.limiter, log, onFallback: () => metrics.fallbacks.inc() });
  const uses = keyUses(options.useStore, log);
  const handler = edgeHandler({
    policies,
    sharedHosts,
    maxBodyBytes,
    metrics,
    log,
    tracing: options.tracing,
    authenticate: authenticator(access, options.issuerKeys ?? discoverIssuerKeys(issuers.ask, log)),
    limiter,
    access,
    uses,
    askUsage: options.askUsage,
    keyStore,
    keyRevoked: options.keyRevoked,
    making: inTheMaking(),
    tokenFor: callerTokens(sign),
    voucherFor: vouchers(signVoucher),
    relay: upstream.relay,
  });
  const guard: ServeOptions['guard'] = (server) => connections.guard(server, (bound) => metrics.refusedConnections.inc({ bound }));
  const running = await serve({ ...options, guard, handler: application(handler, log) });
  const close = async () => {
    await Promise.all([limiter.close(), uses.close(), upstream.close(), issuers.close()]);
  };
  return { ...running, drain: () => running.drain().finally(close) };
}
