import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chartCrdFolder, chartCrds } from '../../scripts/generate/chart-crds.ts';
import { referenceFolder, referencePages } from '../../scripts/generate/reference.ts';

const root = join(import.meta.dirname, '..', '..');

describe.each([
  ["the chart's resource definitions", chartCrdFolder, chartCrds(root)],
  ['the reference pages', referenceFolder, referencePages(root)],
])('%s follow crds/; "npm run generate" writes them', (_, folder, wanted) => {
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
