/** Whether edge and egress are well. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { BytesIEC, Dollars, PercentUnit, RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { lines, number, type Query } from './panels.ts';

/** Edge and egress measure requests under one name; the container, which a PodMonitor adds, says whose they are. */
const inEdge = 'container="edge"';
const perSecond = (metric: string, matchers = ''): string => `rate(${metric}{${matchers}}[$__rate_interval])`;

const quantile = (share: number, metric: string, by: string, matchers = ''): string =>
  `histogram_quantile(${share}, sum by (${['le', by].filter(Boolean).join(', ')}) (${perSecond(`${metric}_bucket`, matchers)}))`;
const quantiles = (metric: string, matchers = ''): [Query, Query, Query] => [
  [quantile(0.5, metric, '', matchers), 'p50'],
  [quantile(0.95, metric, '', matchers), 'p95'],
  [quantile(0.99, metric, '', matchers), 'p99'],
];
const requests = 'http_server_request_duration_seconds';
const calls = 'gen_ai_client_operation_duration_seconds';

const now = {
  title: 'Now',
  panels: [
    number({ title: 'Requests at edge', unit: RequestsPerSecond }, `sum(${perSecond(`${requests}_count`, inEdge)})`),
    number(
      { title: 'Answered with 5xx', unit: PercentUnit, bad: 0.01 },
      `sum(${perSecond(`${requests}_count`, `${inEdge}, status=~"5.."`)}) / clamp_min(sum(${perSecond(`${requests}_count`, inEdge)}), 1)`,
    ),
    number(
      {
        title: 'Circuits open',
        unit: Short,
        bad: 1,
        description: 'Agents that edge, and providers that egress, leaves alone at the moment, by replica.',
      },
      'sum(cloister_edge_open_circuits) + sum(cloister_egress_open_circuits)',
    ),
    number(
      {
        title: 'Counted without Redis',
        unit: Short,
        bad: 1,
        description: 'Requests in the time shown whose limits each replica counted alone.',
      },
      'sum(increase(cloister_edge_rate_limit_fallbacks_total[$__range]))',
    ),
    number(
      {
        title: 'Calls not settled',
        unit: Short,
        bad: 1_000,
        description: 'Ended, and not confirmed by the ledger. It grows while Postgres is away.',
      },
      'sum(cloister_budget_unsettled_calls)',
    ),
    number(
      { title: 'Audit records lost', unit: Short, bad: 1, description: 'In the time shown. The chains show each as a gap.' },
      'sum(increase(cloister_audit_lost_records_total[$__range]))',
    ),
  ],
};

const edge = {
  title: 'Edge: the way in',
  panels: [
    lines({ title: 'Requests by status', unit: RequestsPerSecond, stacked: true }, [
      `sum by (status) (${perSecond(`${requests}_count`, inEdge)})`,
      '{{status}}',
    ]),
    lines(
      {
        title: 'Time to the last byte',
        unit: Seconds,
        description: 'From the first byte of the request; that of a stream is as long as the stream.',
      },
      ...quantiles(requests, inEdge),
    ),
    lines({ title: 'p95 by route', unit: Seconds }, [quantile(0.95, requests, 'route', inEdge), '{{route}}']),
    lines({ title: 'Refused credentials', unit: RequestsPerSecond }, [
      `sum by (pod) (${perSecond(`${requests}_count`, `${inEdge}, status="401"`)})`,
      '{{pod}}',
    ]),
    lines({ title: 'Refused by limits', unit: RequestsPerSecond }, [
      `sum by (whose, limit) (${perSecond('cloister_edge_rate_limited_total')})`,
      '{{whose}} {{limit}}',
    ]),
    lines({ title: 'Agents left alone', unit: Short, description: 'They could not be reached, or hung up, five times in a row.' }, [
      'sum by (pod) (cloister_edge_open_circuits)',
      '{{pod}}',
    ]),
  ],
};

const egress = {
  title: 'Egress: the way out',
  panels: [
    lines({ title: 'Attempts by outcome', unit: RequestsPerSecond, stacked: true }, [
      `sum by (provider, outcome) (${perSecond('cloister_egress_attempts_total')})`,
      '{{provider}} {{outcome}}',
    ]),
    lines({ title: 'Time of a call, p95', unit: Seconds, description: 'Of one attempt, until its answer was complete.' }, [
      quantile(0.95, calls, 'gen_ai_request_model'),
      '{{gen_ai_request_model}}',
    ]),
    lines({ title: 'Calls that went wrong', unit: RequestsPerSecond }, [
      `sum by (gen_ai_provider_name, error_type) (${perSecond(`${calls}_count`, 'error_type!=""')})`,
      '{{gen_ai_provider_name}} {{error_type}}',
    ]),
    lines({ title: 'Calls in progress', unit: Short, stacked: true }, [
      'sum by (provider) (cloister_egress_calls_in_progress)',
      '{{provider}}',
    ]),
    lines({ title: 'Providers left alone', unit: Short }, ['sum by (pod) (cloister_egress_open_circuits)', '{{pod}}']),
    lines({ title: 'Tokens a minute', unit: Short, stacked: true }, [
      'sum by (gen_ai_request_model, gen_ai_token_type) (rate(gen_ai_client_token_usage_sum[$__rate_interval])) * 60',
      '{{gen_ai_request_model}} {{gen_ai_token_type}}',
    ]),
  ],
};

const budget = {
  title: 'The budget',
  panels: [
    lines(
      {
        title: 'Reservations',
        unit: RequestsPerSecond,
        stacked: true,
        description: 'From memory: no wait. From the ledger: a round trip to Postgres.',
      },
      [`sum by (from) (${perSecond('cloister_budget_reservations_total')})`, '{{from}}'],
    ),
    lines({ title: 'Exchange with the ledger', unit: Seconds }, ...quantiles('cloister_budget_ledger_duration_seconds')),
    lines({ title: 'Calls refused', unit: RequestsPerSecond }, [
      `sum by (code) (${perSecond('cloister_budget_refused_total')})`,
      '{{code}}',
    ]),
    lines({ title: 'Leases in hand', unit: Short, description: 'Tenants of whose budget a replica holds a part.' }, [
      'sum by (pod) (cloister_budget_leases)',
      '{{pod}}',
    ]),
    lines({ title: 'Calls not settled', unit: Short }, ['sum by (pod) (cloister_budget_unsettled_calls)', '{{pod}}']),
    lines(
      {
        title: 'Forfeited by replicas that died',
        unit: Dollars,
        description: 'Counted as spent though nobody was asked; it comes back from a replica that speaks again.',
      },
      ['sum(increase(cloister_budget_forfeited_micro_usd_total[$__rate_interval])) / 1e6', 'dollars'],
      ['sum(increase(cloister_budget_forfeited_leases_total[$__rate_interval]))', 'leases'],
    ),
  ],
};

const recorded = {
  title: 'Audit, answers given again, tools',
  panels: [
    lines({ title: 'Audit records that wait', unit: Short, description: 'From 50,000 on, those of a replica are lost.' }, [
      'sum by (pod) (cloister_audit_unwritten_records)',
      '{{pod}}',
    ]),
    lines({ title: 'Connections of tools', unit: RequestsPerSecond, stacked: true }, [
      `sum by (outcome) (${perSecond('cloister_proxy_connections_total')})`,
      '{{outcome}}',
    ]),
    lines(
      { title: 'Answers looked for in Redis', unit: RequestsPerSecond, stacked: true, description: 'away: it was asked, and did not say.' },
      [`sum by (outcome) (${perSecond('cloister_cache_lookups_total')})`, '{{outcome}}'],
    ),
    lines({ title: 'Open connections of tools', unit: Short }, ['sum by (pod) (cloister_proxy_open_connections)', '{{pod}}']),
  ],
};

const processes = {
  title: 'Processes',
  panels: [
    lines({ title: 'Processor', unit: Short, description: 'Cores.' }, [
      `rate(process_cpu_seconds_total{container=~"edge|egress"}[$__rate_interval])`,
      '{{pod}}',
    ]),
    lines({ title: 'Memory', unit: BytesIEC }, ['process_resident_memory_bytes{container=~"edge|egress"}', '{{pod}}']),
    lines({ title: 'Delay of the event loop, p99', unit: Seconds }, [
      'nodejs_eventloop_lag_p99_seconds{container=~"edge|egress"}',
      '{{pod}}',
    ]),
  ],
};

export const gatewayDashboard = (): Dashboard =>
  dashboard({
    uid: 'cloister-gateway',
    title: 'Cloister / Gateway',
    description:
      'Edge, the way in, and egress, the way out: rates, errors, times, circuits, leases of budgets. gateway/README.md explains each metric.',
    rows: [now, edge, egress, budget, recorded, processes],
  });
