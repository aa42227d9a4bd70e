/** Panels of the dashboards, in Grafana's own types: what its schema does not have does not compile. */
import {
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
} from '@grafana/grafana-foundation-sdk/common';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import { ThresholdsConfigBuilder, ThresholdsMode, type Panel, type Threshold } from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that is chosen at the top of the dashboard. */
export const prometheus = { type: 'prometheus', uid: '${datasource}' };

/** An expression in PromQL, with Grafana's `$__rate_interval` and `$__range`, and how its series are called. */
export type Query = readonly [expression: string, legend: string];

export interface Shown {
  readonly title: string;
  /** What is to be known in order to read it, or what to do about it. */
  readonly description?: string;
  /** One of `@grafana/grafana-foundation-sdk/units`. */
  readonly unit: string;
}

const height = { number: 4, lines: 8, table: 9 } as const;

const refIdOf = (position: number): string => String.fromCharCode('A'.charCodeAt(0) + position);
const queriesOf = (queries: readonly Query[]): DataqueryBuilder[] =>
  queries.map(([expression, legend], position) => new DataqueryBuilder().refId(refIdOf(position)).expr(expression).legendFormat(legend));

/** Series over time, a third of the width unless told otherwise. */
export function lines(
  { title, description, unit, stacked = false, span = 8 }: Shown & { readonly stacked?: boolean; readonly span?: 8 | 12 | 24 },
  ...queries: readonly [Query, ...Query[]]
): Builder<Panel> {
  const legend = new common.VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true);
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .datasource(prometheus)
    .unit(unit)
    .min(0)
    .span(span)
    .height(height.lines)
    .fillOpacity(stacked ? 30 : 10)
    .legend(legend)
    .tooltip(new common.VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(queriesOf(queries));
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal));
  return description === undefined ? panel : panel.description(description);
}

/** One number; red from `bad` on, where there is such a limit. */
export function number({ title, description, unit, bad }: Shown & { readonly bad?: number }, expression: string): Builder<Panel> {
  const steps: Threshold[] = [{ value: null, color: 'green' }, ...(bad === undefined ? [] : [{ value: bad, color: 'red' }])];
  const panel = new stat.PanelBuilder()
    .title(title)
    .datasource(prometheus)
    .unit(unit)
    .span(4)
    .height(height.number)
    .noValue('0')
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .targets([new DataqueryBuilder().refId('A').expr(expression).instant()]);
  return description === undefined ? panel : panel.description(description);
}

export interface Column {
  readonly title: string;
  readonly unit: string;
  readonly expression: string;
}

/** A line for each value of `label`, by which all expressions are summed; the largest of the first column on top. */
export function rows(title: string, label: string, columns: readonly [Column, ...Column[]]): Builder<Panel> {
  const valueOf = (position: number): string => `Value #${refIdOf(position)}`;
  const panel = new table.PanelBuilder()
    .title(title)
    .datasource(prometheus)
    .span(24)
    .height(height.table)
    .targets(
      columns.map(({ expression }, position) =>
        new DataqueryBuilder().refId(refIdOf(position)).expr(expression).format(PromQueryFormat.Table).instant(),
      ),
    )
    .transformations([
      { id: 'joinByField', options: { byField: label, mode: 'outer' } },
      { id: 'filterFieldsByName', options: { include: { names: [label, ...columns.map((_, position) => valueOf(position))] } } },
    ])
    .sortBy([new common.TableSortByFieldStateBuilder().displayName(columns[0].title).desc(true)]);
  for (const [position, { title: displayName, unit }] of columns.entries())
    panel.overrideByName(valueOf(position), [
      { id: 'displayName', value: displayName },
      { id: 'unit', value: unit },
    ]);
  return panel;
}
