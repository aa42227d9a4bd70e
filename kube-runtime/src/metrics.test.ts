/** The table of metrics in the README, and those of Go controllers, against the registry of a program that runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from './cluster/cluster.ts';
import { connect } from './cluster/connect.ts';
import { controller } from './controller/builder.ts';
import { kind } from './kind.ts';
import { LeaderLease } from './lease/leader-lease.ts';
import { run } from './run/run.ts';
import { componentBase, controllerRuntime, leftOut } from './standard-metrics.fixture.ts';
import { eventually } from './testing/eventually.ts';
import { FaultyApiServer } from './testing/faulty-api-server.double.ts';

const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
const table = [...readme.matchAll(/^\| `(\w+)` +\| (counter|gauge|histogram) +\| ([^|]*)\| ([^|]*)\|$/gm)].map(
  ([, name, type, labels = '', meaning = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).sort(),
    meaning: meaning.trim(),
  }),
);

let server: FaultyApiServer;
let cluster: Cluster;
let ended: Promise<void>;
let atStart: string;
const stop = new AbortController();

beforeAll(async () => {
  server = await FaultyApiServer.start();
  cluster = await connect({ server: server.url });
  const idle = controller('idle')
    .for(kind('v1', 'ConfigMap'))
    .reconcile(() => Promise.resolve());
  const timings = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
  ended = run({ cluster, controllers: [idle], signal: stop.signal });
  const lease = new LeaderLease({ cluster, name: 'idle', namespace: 'default', identity: 'me', timings });
  expect(lease.leading).toBe(false);
  await eventually('it watches', () => server.openWatches > 0);
  atStart = await cluster.registry.metrics();
});
afterAll(async () => {
  stop.abort();
  await ended;
  await cluster.close();
  await server[Symbol.asyncDispose]();
});

function described(registry: Registry) {
  // prom-client knows types by number in its JSON, by word in its text
  const text = new Map([...atStart.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  return registry.getMetricsAsArray().map((metric) => ({
    name: metric.name,
    type: text.get(metric.name) ?? String(metric.type),
    labels: 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String).sort() : [],
  }));
}

/** Of a label that says what happened, or of a priority: which values the series of a program that has just begun have. */
const valuesOf = (label: string): string[] =>
  [...new Set([...atStart.matchAll(new RegExp(`[{,]${label}="([^"]*)"`, 'g'))].map(([, value = '']) => value))].sort();

describe('the table of metrics', () => {
  test('names every metric of a running program, its type and its labels, and no other', () => {
    const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) => (a.name ?? '').localeCompare(b.name ?? '');
    const promised = table.map(({ name, type, labels }) => ({ name, type, labels })).sort(byName);
    expect(described(cluster.registry).sort(byName)).toEqual(promised);
  });

  test('says of each what it means', () => {
    expect(table.filter(({ meaning }) => meaning.length < 10).map(({ name }) => name)).toEqual([]);
  });

  test.each(['what', 'why', 'priority'])('is followed by the values of the label %s', (label) => {
    const [, sentence = ''] = new RegExp(`\`${label}\` is (.*?)[;.](?:\\s|$)`, 's').exec(readme) ?? [];
    expect(valuesOf(label)).not.toEqual([]);
    expect([...sentence.matchAll(/`([\w-]+)`/g)].map(([, value]) => value).sort()).toEqual(valuesOf(label));
  });

  test.each(table.filter(({ labels }) => !labels.includes('code')).map(({ name }) => name))('%s has series from the start', (name) =>
    expect(atStart).toMatch(new RegExp(`^${name}(_count)?(\\{.*\\})? \\S+$`, 'm')),
  );

  test.each(table.filter(({ name = '' }) => /^(workqueue|controller_runtime|leader_election)_/.test(name)).map(({ name }) => name))(
    '%s exists before anything happened',
    (name = '') => expect(atStart).toMatch(new RegExp(`^${name}(_count|_sum)?\\{.*"idle".*\\} \\d+$`, 'm')),
  );
});

describe('the metrics of Go controllers', () => {
  const standard = [...controllerRuntime, ...componentBase];

  test.each(standard)('%s, a %s, is ours with their labels', (name, type, labels) => {
    const ours = described(cluster.registry).find((metric) => metric.name === name);
    expect(ours).toEqual({ name, type, labels: [...labels].sort() });
  });

  test('are all that we have, but for those named as ours', () => {
    const names: readonly string[] = standard.map(([name]) => name);
    const others = described(cluster.registry).filter(({ name }) => !names.includes(name) && !name.startsWith('kube_runtime_'));
    expect(others).toEqual([]);
  });

  test.each(leftOut)('%s is left out, and the README says why', (name) => {
    const prefix = name.replace('*', '');
    expect(described(cluster.registry).filter((ours) => ours.name.startsWith(prefix))).toEqual([]);
    expect(readme).toContain(`\`${name}\``);
  });
});
