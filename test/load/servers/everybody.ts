/** Edge put together without authentication, which no setting of it can bring about: what asking who calls costs. */
import type { EdgeOptions, Running } from '@cloister/gateway';
import type { KnownCaller } from '../../../gateway/src/edge/authenticate.ts';
import { callerTokens } from '../../../gateway/src/edge/caller-tokens.ts';
import { edgeHandler } from '../../../gateway/src/edge/handler.ts';
import { inTheMaking } from '../../../gateway/src/edge/issued-keys/in-the-making.ts';
import { keyUses } from '../../../gateway/src/edge/key-uses/key-uses.ts';
import { edgeMetrics } from '../../../gateway/src/edge/metrics.ts';
import { withFallback } from '../../../gateway/src/edge/rate-limit/fallback.ts';
import { relay } from '../../../gateway/src/edge/relay/relay.ts';
import { vouchers } from '../../../gateway/src/edge/vouchers.ts';
import { application } from '../../../gateway/src/server/application.ts';
import { serve } from '../../../gateway/src/server/serve.ts';

/** Everybody is this key of this tenant. */
export const letEverybodyIn =
  ({ tenant, apiKey }: { readonly tenant: string; readonly apiKey: NonNullable<KnownCaller['apiKey']> }) =>
  (options: EdgeOptions): Promise<Running> => {
    const { log, registry, sign, signVoucher } = options;
    const caller: KnownCaller = { tenant, subject: `key:${apiKey.id}`, scopes: ['chat'], apiKey };
    const upstream = relay(options.authorities);
    const handler = edgeHandler({
      ...options,
      metrics: edgeMetrics(registry, { openCircuits: upstream.openCircuits, openConnections: () => 0 }),
      authenticate: () => Promise.resolve(caller),
      limiter: withFallback({ shared: options.limiter, log, onFallback: () => undefined }),
      uses: keyUses(options.useStore, log),
      making: inTheMaking(),
      tokenFor: callerTokens(sign),
      voucherFor: vouchers(signVoucher),
      relay: upstream.relay,
    });
    return serve({ ...options, handler: application(handler, log) });
  };
