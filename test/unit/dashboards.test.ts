/** Dashboards ask for what there is, in PromQL. That all of it is exported by what is installed, test/e2e/metrics.test.ts shows. */
import { createRegistry, type Registry } from '@cloister/telemetry';
import { expect, describe, test } from 'vitest';
import { edgeMetrics } from '../../gateway/src/edge/metrics.ts';
import { lostRecords, measureUnwritten } from '../../gateway/src/egress/audit/metrics.ts';
import { egressMetrics } from '../../gateway/src/egress/metrics.ts';
import { proxyMetrics } from '../../gateway/src/egress/proxy/metrics.ts';
import { measureUsage } from '../../operator/src/usage/metrics.ts';
import { installedDashboards, queriesOf } from '../metrics/dashboards.ts';
import { addedByPrometheus } from '../metrics/exposition.ts';
import { faultsIn, seriesIn } from '../metrics/promql.ts';

const dashboards = installedDashboards();

test('there are three, at addresses of their own', () => {
  expect(dashboards.map(({ uid }) => uid)).toEqual(['cloister-gateway', 'cloister-operator', 'cloister-tenants']);
});

describe.each(dashboards)('$title', (dashboard) => {
  const queries = queriesOf(dashboard);
  const { panels, templating } = dashboard;

  test.each(queries)('$where is PromQL', ({ expression }) => {
    expect(faultsIn(expression)).toEqual([]);
    expect(seriesIn(expression)).not.toEqual([]);
  });

  test('has something to show in every panel but the headings', () => {
    expect(panels.filter(({ type, targets }) => type !== 'row' && targets.length === 0)).toEqual([]);
    expect(panels.every(({ targets }) => new Set(targets.map(({ refId }) => refId)).size === targets.length)).toBe(true);
  });

  test('uses no variable that it does not have', () => {
    const known = ['__rate_interval', '__range', ...templating.list.map(({ name }) => name)];
    const used = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name)));
    expect(used.filter((name) => name === undefined || !known.includes(name))).toEqual([]);
  });

  test('puts no panel on another, and none beside the sheet', () => {
    const places = panels.flatMap(({ title, gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, place) => ({ title, x: x + (place % w), y: y + Math.floor(place / w) })),
    );
    expect(places.filter(({ x }) => x >= 24)).toEqual([]);
    expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(places.length);
  });
});

/** Labels that the code gives to each metric, `le` for the buckets of a histogram besides. */
function labelsOf(registry: Registry): ReadonlyMap<string, readonly string[]> {
  return new Map(
    registry.getMetricsAsArray().flatMap((metric): [string, readonly string[]][] => {
      const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [];
      const { name } = metric;
      return [
        [name, labels],
        [`${name}_bucket`, [...labels, 'le']],
        [`${name}_sum`, labels],
        [`${name}_count`, labels],
      ];
    }),
  );
}

test('of the gateway and of what tenants have used, they ask for labels that the metrics have', () => {
  const [edge, egress, operator] = [createRegistry(), createRegistry(), createRegistry()];
  edgeMetrics(edge, { openCircuits: () => 0, openConnections: () => 0 });
  egressMetrics(egress, () => ({ unreported: 0, leases: 0 }), { openCircuits: 0, inProgress: new Map() });
  lostRecords(egress);
  measureUnwritten(egress, () => 0);
  proxyMetrics(egress, () => 0);
  measureUsage(operator, { onChange: () => () => undefined });
  const labels = new Map([...labelsOf(edge), ...labelsOf(egress), ...labelsOf(operator)]);
  const wrong = dashboards
    .filter(({ uid }) => uid !== 'cloister-operator')
    .flatMap(queriesOf)
    .flatMap(({ where, expression }) =>
      seriesIn(expression).flatMap((asked) => {
        const known = labels.get(asked.metric);
        if (!known) return [`${where}: ${asked.metric} is not there`];
        return asked.labels.filter((label) => !known.includes(label) && !addedByPrometheus.has(label)).map((label) => `${where}: ${label}`);
      }),
    );
  expect(wrong).toEqual([]);
});
