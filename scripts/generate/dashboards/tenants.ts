/** What tenants cost, and which of their limits they meet. */
import { QueryVariableBuilder, VariableRefresh, VariableSort, type Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { BytesPerSecondSI, Dollars, Percent, PercentUnit, RequestsPerSecond, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './frame.ts';
import { lines, number, prometheus, rows } from './panels.ts';

/** Whoever has called once is in the list. */
const tenant = new QueryVariableBuilder('tenant')
  .label('Tenant')
  .datasource(prometheus)
  .query('label_values(cloister_edge_requests_total, tenant)')
  .refresh(VariableRefresh.OnTimeRangeChanged)
  .sort(VariableSort.AlphabeticalAsc)
  .multi(true)
  .includeAll(true)
  .allValue('.+')
  .current({ text: 'All', value: '$__all' });

const of = '{tenant=~"$tenant"}';
const inRange = (metric: string, matchers = of): string => `increase(${metric}${matchers}[$__range])`;
const perSecond = (metric: string, matchers = of): string => `rate(${metric}${matchers}[$__rate_interval])`;
const dollars = (microUsd: string): string => `${microUsd} / 1e6`;

const cost = {
  title: 'Cost',
  panels: [
    number(
      {
        title: 'Spent',
        unit: Dollars,
        description:
          'As billed by egress in the time shown. What counts is the ledger: GET /v1/usage, which loses nothing when a pod dies.',
      },
      dollars(`sum(${inRange('cloister_budget_spent_micro_usd_total')})`),
    ),
    number({ title: 'Tokens', unit: Short }, `sum(${inRange('cloister_budget_tokens_total')})`),
    number({ title: 'Requests', unit: Short }, `sum(${inRange('cloister_edge_requests_total')})`),
    number({ title: 'Refused by budgets', unit: Short, bad: 1 }, `sum(${inRange('cloister_budget_refused_total')})`),
    number({ title: 'Refused by limits', unit: Short, bad: 1 }, `sum(${inRange('cloister_edge_rate_limited_total')})`),
    number(
      { title: 'Answered with 5xx', unit: Short, bad: 1 },
      `sum(${inRange('cloister_edge_requests_total', '{tenant=~"$tenant", status=~"5.."}')})`,
    ),
    lines({ title: 'Spending, dollars an hour', unit: Dollars, stacked: true, span: 12 }, [
      dollars(`sum by (tenant) (${perSecond('cloister_budget_spent_micro_usd_total')}) * 3600`),
      '{{tenant}}',
    ]),
    lines({ title: 'Tokens a minute', unit: Short, stacked: true, span: 12 }, [
      `sum by (tenant, type) (${perSecond('cloister_budget_tokens_total')}) * 60`,
      '{{tenant}} {{type}}',
    ]),
    rows('By tenant, in the time shown', 'tenant', [
      { title: 'Spent', unit: Dollars, expression: dollars(`sum by (tenant) (${inRange('cloister_budget_spent_micro_usd_total')})`) },
      {
        title: 'Tokens in',
        unit: Short,
        expression: `sum by (tenant) (${inRange('cloister_budget_tokens_total', '{tenant=~"$tenant", type="input"}')})`,
      },
      {
        title: 'Tokens out',
        unit: Short,
        expression: `sum by (tenant) (${inRange('cloister_budget_tokens_total', '{tenant=~"$tenant", type="output"}')})`,
      },
      { title: 'Requests', unit: Short, expression: `sum by (tenant) (${inRange('cloister_edge_requests_total')})` },
      { title: 'Refused by budgets', unit: Short, expression: `sum by (tenant) (${inRange('cloister_budget_refused_total')})` },
      { title: 'Refused by limits', unit: Short, expression: `sum by (tenant) (${inRange('cloister_edge_rate_limited_total')})` },
    ]),
  ],
};

/** As the operator has it from the ledger, once a minute; replicas of it say the same. */
const ofWindow = (metric: string, window: 'daily' | 'monthly'): string =>
  `max by (tenant) (${metric}{tenant=~"$tenant", window="${window}"})`;

const limits = {
  title: 'Limits',
  panels: [
    lines({ title: 'Budget used, day', unit: Percent, description: 'Of the limit of which most is used. From 100 on calls are refused.' }, [
      ofWindow('cloister_tenant_budget_used_percent', 'daily'),
      '{{tenant}}',
    ]),
    lines({ title: 'Budget used, month', unit: Percent }, [ofWindow('cloister_tenant_budget_used_percent', 'monthly'), '{{tenant}}']),
    lines({ title: 'Spent this month', unit: Dollars }, [ofWindow('cloister_tenant_spent_usd', 'monthly'), '{{tenant}}']),
    lines(
      {
        title: 'Debt of the month',
        unit: Dollars,
        description: 'Billed by a provider beyond the limits of months before: this one has the less.',
      },
      [ofWindow('cloister_tenant_debt_usd', 'monthly'), '{{tenant}}'],
    ),
    lines(
      {
        title: 'Refused by budgets',
        unit: RequestsPerSecond,
        description:
          'budget_exceeded: spent until the window renews. budget_reserved: the rest is held by calls in progress. budget_unavailable: Postgres is away.',
      },
      [`sum by (tenant, code) (${perSecond('cloister_budget_refused_total')})`, '{{tenant}} {{code}}'],
    ),
    lines({ title: 'Refused by limits', unit: RequestsPerSecond, description: 'Whose limit it was (tenant, key, user), and of what.' }, [
      `sum by (tenant, whose, limit) (${perSecond('cloister_edge_rate_limited_total')})`,
      '{{tenant}} {{whose}} {{limit}}',
    ]),
    lines({ title: 'Answers other than 2xx', unit: RequestsPerSecond }, [
      `sum by (tenant, status) (${perSecond('cloister_edge_requests_total', '{tenant=~"$tenant", status!~"2.."}')})`,
      '{{tenant}} {{status}}',
    ]),
  ],
};

const use = {
  title: 'Use',
  panels: [
    lines(
      { title: 'Cheaper or later', unit: RequestsPerSecond, description: 'Calls of tenants whose budget is used up to its soft limit.' },
      [`sum by (tenant) (${perSecond('cloister_budget_downgraded_total')})`, '{{tenant}} downgraded'],
      [`sum by (tenant) (${perSecond('cloister_budget_throttled_total')})`, '{{tenant}} throttled'],
    ),
    lines({ title: 'Answers given again', unit: PercentUnit, description: 'Of the calls of agents that want it.' }, [
      `sum by (tenant) (${perSecond('cloister_cache_lookups_total', '{tenant=~"$tenant", outcome="hit"}')}) / sum by (tenant) (${perSecond('cloister_cache_lookups_total')})`,
      '{{tenant}}',
    ]),
    lines({ title: 'Tokens this month', unit: Short }, [ofWindow('cloister_tenant_used_tokens', 'monthly'), '{{tenant}}']),
    lines({ title: 'Requests', unit: RequestsPerSecond, stacked: true }, [
      `sum by (tenant, agent) (${perSecond('cloister_edge_requests_total')})`,
      '{{tenant}} {{agent}}',
    ]),
    lines({ title: 'Connections of tools', unit: RequestsPerSecond, description: 'How they ended, or why there was none.' }, [
      `sum by (tenant, outcome) (${perSecond('cloister_proxy_connections_total')})`,
      '{{tenant}} {{outcome}}',
    ]),
    lines({ title: 'Bytes of tools', unit: BytesPerSecondSI }, [
      `sum by (tenant, direction) (${perSecond('cloister_proxy_bytes_total')})`,
      '{{tenant}} {{direction}}',
    ]),
  ],
};

export const tenantsDashboard = (): Dashboard =>
  dashboard({
    uid: 'cloister-tenants',
    title: 'Cloister / Tenants',
    description: 'What tenants cost, and which of their limits they meet. docs/gateway.md says what each limit is.',
    variables: [tenant],
    rows: [cost, limits, use],
  });
