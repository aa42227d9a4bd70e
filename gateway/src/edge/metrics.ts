import { Counter, Gauge, requestDurations, type Histogram, type Registry } from '@cloister/telemetry';

export interface EdgeMetrics {
  readonly durations: Histogram<'method' | 'route' | 'status'>;
  readonly requests: Counter<'tenant' | 'agent' | 'status'>;
  readonly refusedConnections: Counter<'bound'>;
  readonly passedOver: Counter<'tenant' | 'agent'>;
  readonly rateLimited: Counter<'tenant' | 'whose' | 'limit'>;
  readonly fallbacks: Counter;
}

/** Asked whenever metrics are read. */
export interface Gauged {
  /** Each replica knows for itself whom it leaves alone. */
  readonly openCircuits: () => number;
  readonly openConnections: () => number;
}

export function edgeMetrics(registry: Registry, { openCircuits, openConnections }: Gauged): EdgeMetrics {
  new Gauge({
    name: 'cloister_edge_open_connections',
    help: 'Connections of callers that are open',
    registers: [registry],
    collect() {
      this.set(openConnections());
    },
  });
  new Gauge({
    name: 'cloister_edge_open_circuits',
    help: 'Agents that this replica leaves alone because they could not be reached several times in a row',
    registers: [registry],
    collect() {
      this.set(openCircuits());
    },
  });
  return { durations: requestDurations(registry), ...counters(registry) };
}

const counters = (registry: Registry) => ({
  requests: new Counter({
    name: 'cloister_edge_requests_total',
    help: 'Requests whose caller was authenticated, by tenant, agent and status of the answer',
    labelNames: ['tenant', 'agent', 'status'] as const,
    registers: [registry],
  }),
  refusedConnections: new Counter({
    name: 'cloister_edge_refused_connections_total',
    help: 'Connections refused because as many were open as there may be, in total or of their address (perAddress)',
    labelNames: ['bound'] as const,
    registers: [registry],
  }),
  passedOver: new Counter({
    name: 'cloister_edge_passed_over_total',
    help: 'Requests that an agent was due by its weight in a traffic split and another answered, since it could not be reached',
    labelNames: ['tenant', 'agent'] as const,
    registers: [registry],
  }),
  rateLimited: new Counter({
    name: 'cloister_edge_rate_limited_total',
    help: 'Requests refused over a limit, by whose it is (tenant, key, user) and what it limits (requests, tokens, concurrent)',
    labelNames: ['tenant', 'whose', 'limit'] as const,
    registers: [registry],
  }),
  fallbacks: new Counter({
    name: 'cloister_edge_rate_limit_fallbacks_total',
    help: 'Requests counted by this replica alone because Redis did not answer',
    registers: [registry],
  }),
});
