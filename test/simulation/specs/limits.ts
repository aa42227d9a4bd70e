/** What both a Tenant and a TenantClass may say. */
import fc from 'fast-check';
import { record, some, upTo } from './wish.ts';

/** As a day's, or as a month's, which is never less. */
const windowLimit = (least: number, most: number) => record({ usd: upTo(most, least), tokens: some(upTo(most * 100, least * 100)) });
export const windows = { daily: some(windowLimit(1, 50)), monthly: some(windowLimit(50, 999)) };

export const cheaper = fc.constant(['offline/other']);

export const budget = record({
  ...windows,
  timeZone: some(fc.constantFrom('UTC', 'Europe/Vienna')),
  perUser: some(record(windows)),
  onExceeded: some(fc.constantFrom('Block', 'Downgrade', 'Throttle')),
  softLimitPercent: some(upTo(99)),
  downgradeTo: some(cheaper),
  alertAtPercent: some(fc.constantFrom([], [100], [50, 90])),
});

const rates = {
  requestsPerMinute: some(upTo(100)),
  tokensPerMinute: some(upTo(1000)),
  concurrentRequests: some(upTo(9)),
};
export const keyRateLimits = record(rates);
export const rateLimits = record({ ...rates, perUser: some(keyRateLimits) });

/** Room for the agents that there are. */
export const quota = record({
  cpu: some(fc.constantFrom(1, '2', '2500m')),
  memory: some(fc.constantFrom('3Gi', '4096Mi')),
  pods: some(upTo(30, 8)),
  agents: some(upTo(9, 2)),
});

export const models = fc.constantFrom({ allow: ['offline/*'] }, { allow: ['offline/echo', 'offline/other'] });
export const egress = record({
  domains: some(fc.constantFrom([], ['api.example.com'], ['api.example.com', '*.example.org'])),
  ports: some(fc.constantFrom([443], [443, 8443])),
});
export const responseCache = record({ ttlSeconds: some(upTo(3600)), mebibytes: some(upTo(64, 0)) });
