/** `npm run generate`: writes everything that is made from `crds/`, from docstrings, from the health checks and from the dashboards' sources. Tests fail when it is out of date. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiFolder, apiPages } from './generate/api.ts';
import { chartCrdFolder, chartCrds } from './generate/chart-crds.ts';
import { dashboardFiles, dashboardFolder } from './generate/dashboards.ts';
import { healthFiles, healthFolder } from './generate/health.ts';
import { referenceFolder, referencePages } from './generate/reference.ts';

const root = join(import.meta.dirname, '..');

function replaceFolder(folder: string, files: ReadonlyMap<string, string>): void {
  const path = join(root, folder);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(path, name), content);
  console.log(`${folder}: ${[...files.keys()].join(', ')}`);
}

replaceFolder(chartCrdFolder, chartCrds(root));
replaceFolder(referenceFolder, referencePages(root));
replaceFolder(apiFolder, apiPages(root));
replaceFolder(healthFolder, healthFiles(root));
replaceFolder(dashboardFolder, dashboardFiles());
