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

describe.each(['operator', 'edge', 'egress'])('the policy of %s', (component) => {
  const rules = z.object({
    spec: z.object({ egress: z.array(z.object({ to: z.array(z.unknown()).optional(), ports: z.unknown().optional() })) }),
  });
  const rulesWith = (...values: readonly string[]) => rules.parse(render(chart, `network/${component}.yaml`, values)).spec.egress;
  const ports = [443, 6443].map((port) => ({ protocol: 'TCP', port }));

  test('lets it reach the API server at addresses, or where none are named at any, by the ports alone', () => {
    const named = [{ ipBlock: { cidr: '10.0.0.1/32' } }];
    expect(rulesWith(`networkPolicy.apiServer.peers=${JSON.stringify(named)}`)).toContainEqual({ to: named, ports });
    expect(rulesWith('networkPolicy.apiServer.peers=[]')).toContainEqual({ ports });
  });

  test('lets it go nowhere without a port where the others name whom they are for', () => {
    const open = rulesWith('networkPolicy.apiServer.peers=[]').filter(({ to, ports: some }) => to === undefined && some === undefined);
    expect(open).toEqual([]);
  });
});

test('a policy that would let Cloister’s pods reach everything is refused, with what to give', () => {
  const args = ['--set-json', 'networkPolicy.apiServer={"peers":[],"ports":[]}'];
  const { code, stderr } = helm('template', 'cloister', chart, '--kube-version', '1.36.3', ...args);
  expect(code).not.toBe(0);
  expect(stderr).toContain('networkPolicy.apiServer has neither peers nor ports');
});

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
