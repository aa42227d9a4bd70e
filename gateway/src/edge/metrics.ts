import { Counter, requestDurations, type Histogram, type Registry } from '@cloister/telemetry';

export interface EdgeMetrics {
  readonly durations: Histogram<'method' | 'route' | 'status'>;
  readonly requests: Counter<'tenant' | 'agent' | 'status'>;
  readonly rateLimited: Counter<'tenant'>;
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
    help: 'Requests refused because the tenant had used up its requests per minute',
    labelNames: ['tenant'],
    registers: [registry],
  }),
  fallbacks: new Counter({
    name: 'cloister_edge_rate_limit_fallbacks_total',
    help: 'Requests counted by this replica alone because Redis did not answer',
    registers: [registry],
  }),
});
