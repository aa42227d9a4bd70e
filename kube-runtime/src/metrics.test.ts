/** The table of metrics in the README, against the registry of a program that runs. */
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

const described = (registry: Registry) =>
  registry.getMetricsAsArray().map((metric) => ({
    name: metric.name,
    type: String(metric.type),
    labels: 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String).sort() : [],
  }));

describe('the table of metrics', () => {
  test('names every metric of a running program, its type and its labels, and no other', () => {
    const byName = (a: { name?: string | undefined }, b: { name?: string | undefined }) => (a.name ?? '').localeCompare(b.name ?? '');
    const promised = table.map(({ name, type, labels }) => ({ name, type, labels })).sort(byName);
    // prom-client knows types by number in its JSON, by word in its text
    const text = new Map([...atStart.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
    const found = described(cluster.registry).map((metric) => ({ ...metric, type: text.get(metric.name) ?? metric.type }));
    expect(found.sort(byName)).toEqual(promised);
  });

  test('says of each what it means', () => {
    expect(table.filter(({ meaning }) => meaning.length < 10).map(({ name }) => name)).toEqual([]);
  });

  test.each(table.filter(({ name = '' }) => /^(workqueue|controller_runtime|leader_election)_/.test(name)).map(({ name }) => name))(
    '%s exists before anything happened',
    (name = '') => expect(atStart).toMatch(new RegExp(`^${name}(_count|_sum)?\\{.*"idle".*\\} \\d+$`, 'm')),
  );
});
