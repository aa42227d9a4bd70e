/** What all dashboards have in common: name, data source, what it shows at first. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  RowBuilder,
  type Dashboard,
  type Panel,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';

export interface Content {
  /** Its address in Grafana: never changed, so that links to it hold. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables?: readonly Builder<VariableModel>[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly Builder<Panel>[] }[];
}

const tag = 'cloister';

export function dashboard({ uid, title, description, variables = [], rows }: Content): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('1m')
    .link(new DashboardLinkBuilder('Cloister').type(DashboardLinkType.Dashboards).tags([tag]).asDropdown(true).keepTime(true))
    .variables([new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'), ...variables]);
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  const built = builder.build();
  for (const [position, panel] of (built.panels ?? []).entries()) panel.id = position + 1;
  return built;
}
