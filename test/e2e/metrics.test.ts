/** Dashboards and alerts ask for nothing but what the installed programs export. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { installedDashboards, queriesOf, type PanelQuery } from '../metrics/dashboards.ts';
import { addedByPrometheus, exportedIn, type Exported } from '../metrics/exposition.ts';
import { seriesIn } from '../metrics/promql.ts';
import { chart } from './support/helm.ts';
import { metricsOf } from './support/metrics.ts';
import { openWorld } from './support/world.ts';

const rules = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })) });
const alerts = (): PanelQuery[] =>
  rules
    .parse(parse(readFileSync(join(chart, 'files', 'alerts.yaml'), 'utf8')))
    .groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ where: alert, expression: expr })));

const programs = ['edge', 'egress', 'operator'] as const;
let exported: Exported;
beforeAll(async () => {
  const world = await openWorld();
  const texts = await Promise.all(programs.map((name) => metricsOf(world, name)));
  exported = exportedIn(texts.flat().join('\n'));
});

/** Metrics that nobody exports, and labels that those which were counted do not have. */
function missingIn({ where, expression }: PanelQuery): string[] {
  return seriesIn(expression).flatMap(({ metric, labels }) => {
    const known = exported.get(metric);
    if (!known) return [`${where}: nobody exports ${metric}`];
    const own = labels.filter((label) => !addedByPrometheus.has(label));
    return known.size === 0 ? [] : own.filter((label) => !known.has(label)).map((label) => `${where}: ${metric} has no ${label}`);
  });
}

test('what nobody exports is found', () => {
  expect(missingIn({ where: 'here', expression: 'sum by (tenant) (rate(cloister_gone_total[5m]))' })).toEqual([
    'here: nobody exports cloister_gone_total',
  ]);
  expect(missingIn({ where: 'here', expression: 'sum by (mood) (workqueue_depth)' })).toEqual(['here: workqueue_depth has no mood']);
});

test.each(alerts())('alert $where', (alert) => {
  expect(missingIn(alert)).toEqual([]);
});

test.each(installedDashboards())('dashboard $title', (dashboard) => {
  expect(queriesOf(dashboard).flatMap(missingIn)).toEqual([]);
});
