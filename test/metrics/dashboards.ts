/** The dashboards of the chart as they are installed, and what their panels ask of Prometheus. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '../cluster/paths.ts';

const target = z.object({ refId: z.string(), expr: z.string() });
const gridPos = z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() });
const panel = z.object({ id: z.int(), type: z.string(), title: z.string(), gridPos, targets: z.array(target).default([]) });
const variable = z.object({ name: z.string(), type: z.string(), query: z.string() });
const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({ list: z.array(variable) }),
  panels: z.array(panel),
});
export type InstalledDashboard = z.infer<typeof dashboard>;

export const installedDashboards = (): InstalledDashboard[] =>
  globSync('charts/cloister/files/dashboards/*.json', { cwd: repository })
    .sort()
    .map((path) => dashboard.parse(JSON.parse(readFileSync(join(repository, path), 'utf8'))));

export interface PanelQuery {
  readonly where: string;
  /** As Prometheus would get it. */
  readonly expression: string;
}

/** What Grafana puts in the place of its own variables; those in quotation marks are text for PromQL as they are. */
const asSent = (expression: string): string => expression.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '6h');

export const queriesOf = ({ title, panels, templating }: InstalledDashboard): PanelQuery[] => [
  ...panels.flatMap((one) =>
    one.targets.map(({ refId, expr }) => ({ where: `${title}: ${one.title} (${refId})`, expression: asSent(expr) })),
  ),
  ...templating.list.flatMap(({ name, query }) => {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    return metric === undefined || label === undefined
      ? []
      : [{ where: `${title}: variable ${name}`, expression: `group by (${label}) (${metric})` }];
  }),
];
