import { Counter, requestDurations, type Histogram, type Registry } from '@cloister/telemetry';

export interface EdgeMetrics {
  readonly durations: Histogram<'method' | 'route' | 'status'>;
  readonly requests: Counter<'tenant' | 'agent' | 'status'>;
  readonly rateLimited: Counter<'tenant' | 'whose' | 'limit'>;
  readonly fallbacks: Counter;
}

export const edgeMetrics = (registry: Registry): EdgeMetrics => ({
  durations: requestDurations(registry),
  requests: new Counter({
    name: 'cloister_edge_requests_total',
    help: 'Requests whose caller was authenticated, by tenant, agent and status of the answer',
    labelNames: ['tenant', 'agent', 'status'],
    registers: [registry],
  }),
  rateLimited: new Counter({
    name: 'cloister_edge_rate_limited_total',
    help: 'Requests refused over a limit, by whose it is (tenant, key, user) and what it limits (requests, tokens, concurrent)',
    labelNames: ['tenant', 'whose', 'limit'],
    registers: [registry],
  }),
  fallbacks: new Counter({
    name: 'cloister_edge_rate_limit_fallbacks_total',
    help: 'Requests counted by this replica alone because Redis did not answer',
    registers: [registry],
  }),
});
