import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { chart, helmOf, type Helm } from './support/helm.ts';
import { openWorld } from './support/world.ts';

let helm: Helm;
beforeAll(async () => {
  helm = helmOf((await openWorld()).cluster.helm);
});

const render = (of: string, template: string, values: readonly string[]): unknown => {
  const asked = values.flatMap((value) => ['--set-json', value]);
  const { code, stdout, stderr } = helm('template', 'cloister', of, '--kube-version', '1.36.3', '-s', `templates/${template}`, ...asked);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return parse(stdout);
};

describe('notes of the chart', () => {
  const shown = z.object({ data: z.object({ notes: z.string() }) });
  let copy: string;
  // Helm shows notes to whoever installs, on a cluster that has all kinds that are asked for; here they are text of an object.
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'chart-'));
    cpSync(chart, copy, { recursive: true });
    const notes = readFileSync(join(chart, 'templates/NOTES.txt'), 'utf8').replace(/^(?!\{\{-)/gm, '    ');
    writeFileSync(join(copy, 'templates/notes.yaml'), `kind: ConfigMap\ndata:\n  notes: |\n${notes}`);
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  const blind = 'networkPolicy.metricsFrom is empty';
  const notesWith = (...values: readonly string[]) => shown.parse(render(copy, 'notes.yaml', values)).data.notes;

  test.each(['alerts.enabled=true', 'podMonitor.enabled=true'])('warn, with %s, that Prometheus is kept out', (value) => {
    expect(notesWith(value)).toContain(blind);
  });

  test.each([
    ['nobody asks for metrics', []],
    ['Prometheus is named', ['alerts.enabled=true', 'networkPolicy.metricsFrom=[{"podSelector":{}}]']],
    ['there are no policies', ['alerts.enabled=true', 'networkPolicy.enabled=false']],
  ])('say nothing of that where %s', (_, values) => {
    expect(notesWith(...values)).not.toContain(blind);
  });
});
