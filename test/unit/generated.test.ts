import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { apiFolder, apiPages, undocumented } from '../../scripts/generate/api.ts';
import { chartCrdFolder, chartCrds } from '../../scripts/generate/chart-crds.ts';
import { dashboardFiles, dashboardFolder } from '../../scripts/generate/dashboards.ts';
import { healthFiles, healthFolder } from '../../scripts/generate/health.ts';
import { referenceFolder, referencePages } from '../../scripts/generate/reference.ts';

const root = join(import.meta.dirname, '..', '..');

describe.each([
  ["the chart's resource definitions", chartCrdFolder, chartCrds(root)],
  ['the reference pages', referenceFolder, referencePages(root)],
  ["the pages of kube-runtime's API", apiFolder, apiPages(root)],
  ['the health checks for Argo CD and Flux', healthFolder, healthFiles(root)],
  ['the dashboards of the chart', dashboardFolder, dashboardFiles()],
])('%s follow their sources; "npm run generate" writes them', (_, folder, wanted) => {
  test('none is missing and none is left over', () => {
    expect(readdirSync(join(root, folder)).sort()).toEqual([...wanted.keys()].sort());
  });

  test.each([...wanted])('%s is up to date', (name, content) => {
    expect(readFileSync(join(root, folder, name), 'utf8')).toBe(content);
  });
});

test.each([...chartCrds(root)])('uninstalling the chart leaves %s and thereby every object of its kind', (_, content) => {
  expect(content).toContain('metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n  name: ');
});

test('everything that kube-runtime exports, and every method of it, says what it promises', () => {
  expect(undocumented(root)).toEqual([]);
});
