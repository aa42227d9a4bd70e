/** The dashboards of the chart, as Grafana takes them. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { join } from 'node:path';
import { gatewayDashboard } from './dashboards/gateway.ts';
import { operatorDashboard } from './dashboards/operator.ts';
import { tenantsDashboard } from './dashboards/tenants.ts';

export const dashboardFolder = join('charts', 'cloister', 'files', 'dashboards');

export const dashboards = (): readonly Dashboard[] => [tenantsDashboard(), gatewayDashboard(), operatorDashboard()];

/** File name → content; a file is named for the dashboard's uid. */
export const dashboardFiles = (): ReadonlyMap<string, string> =>
  new Map(dashboards().map((one) => [`${one.uid ?? ''}.json`, `${JSON.stringify(one, null, 2)}\n`]));
