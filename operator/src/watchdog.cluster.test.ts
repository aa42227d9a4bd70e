/** The watchdog on a real API server, and the alerts against what a running operator exports. */
import { kind, setCondition, type Cluster } from 'kube-runtime';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import * as kinds from './kinds.ts';
import { connectTestCluster } from './testing/cluster.fixture.ts';
import { runOperator, startTimeoutMs, type RunningOperator } from './testing/operator.fixture.ts';
import { told } from './testing/told.double.ts';
import { until } from './testing/until.fixture.ts';
import type { Watched } from './watchdog/behind.ts';
import { Watchdog } from './watchdog/watchdog.ts';

/** A kind that nobody reconciles, with the conditions of ours. */
const widgets = kind<Watched>('watchdog.test/v1', 'Widget', { namespaced: false });
const definitions = kind('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const definition = {
  metadata: { name: 'widgets.watchdog.test' },
  spec: {
    group: 'watchdog.test',
    scope: 'Cluster',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
      },
    ],
  },
};

describe('an object that the operator has not looked at for too long', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await connectTestCluster();
    await cluster.apply(definitions, definition);
    await until('widgets to be served', () => cluster.list(widgets).then(() => true));
  });
  afterAll(async () => {
    await cluster.delete(definitions, definition.metadata);
    await cluster.close();
  });

  const readyOf = async () => (await cluster.get(widgets, { name: 'one' }))?.status?.conditions?.find(({ type }) => type === 'Ready');
  /** What a reconcile ends with. */
  async function reconcile(): Promise<void> {
    const object = await cluster.get(widgets, { name: 'one' });
    if (!object) throw new Error('the widget is gone');
    const observedGeneration = object.metadata.generation ?? 0;
    const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: 'fine', observedGeneration } as const;
    await cluster.updateStatus(widgets, object, {
      observedGeneration,
      conditions: setCondition([...(object.status?.conditions ?? [])], ready, new Date()),
    });
  }

  test('is no longer called Ready, until it has been looked at; one that is looked at in time is left alone', async () => {
    await cluster.create(widgets, { metadata: { name: 'one' }, spec: { size: 1 } });
    const informer = cluster.informer(widgets);
    const watchdog = new Watchdog({ cluster, kinds: [{ kind: widgets, informer }], limit: 60 });
    // What handlers have heard, as the watchdog has: the cache itself knows of our own writes before.
    let heard: Watched | undefined;
    informer.onChange(({ object }) => (heard = object));
    cluster.startInformers();
    await reconcile();
    await until('the watch', () => heard?.status?.observedGeneration === 1);
    let writes = 0;
    cluster.interceptWrites((_, proceed) => (writes++, proceed()));
    await watchdog.look(0);
    await watchdog.look(1_000_000);
    expect(writes).toBe(0);

    await cluster.patch(widgets, { name: 'one' }, { spec: { size: 2 } });
    await until('the watch', () => heard?.metadata.generation === 2);
    await watchdog.look(2_000_000);
    await watchdog.look(2_059_000);
    expect(await readyOf()).toMatchObject({ status: 'True' });
    const metrics = await cluster.registry.metrics();
    expect(metrics).toContain('cloister_objects_behind{kind="Widget"} 1');
    expect(metrics).toContain('cloister_objects_behind_seconds_max{kind="Widget"} 59');
    expect(metrics).toContain('cloister_objects{kind="Widget",ready="True"} 1');

    await watchdog.look(2_060_000);
    expect(await readyOf()).toMatchObject({ status: 'Unknown', reason: 'OperatorBehind', observedGeneration: 1 });
    expect((await readyOf())?.message).toMatch(/generation 2 has not been reconciled for 60 s/);
    await until('the watch', () => heard?.status?.conditions?.[0]?.status === 'Unknown');
    writes = 0;
    await watchdog.look(2_070_000);
    expect(writes).toBe(0); // told once

    await reconcile();
    expect(await readyOf()).toMatchObject({ status: 'True', observedGeneration: 2 });
  });

  test('that has never been judged is told of, too, unless it has been judged meanwhile', async () => {
    const { metadata } = await cluster.create(widgets, { metadata: { name: 'new' }, spec: { size: 1 } });
    const unjudged = { metadata, spec: { size: 1 } };
    const readyOfNew = async () => (await cluster.get(widgets, { name: 'new' }))?.status?.conditions;
    const { informer, tell } = told<Watched>();
    const other = await connectTestCluster();
    let cached: Watched = unjudged;
    const watchdog = new Watchdog({
      cluster: other,
      kinds: [{ kind: widgets, informer: { ...informer, synced: true, get: () => cached } }],
      limit: 60,
    });
    tell('added', unjudged);
    await watchdog.look(0);
    expect(await readyOfNew()).toBeUndefined();
    await watchdog.look(61_000);
    expect(await readyOfNew()).toMatchObject([{ type: 'Ready', status: 'Unknown', reason: 'OperatorBehind', observedGeneration: 0 }]);

    const conditions = [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'fine', observedGeneration: 1 }];
    await cluster.patch(widgets, { name: 'new' }, { status: { observedGeneration: 1, conditions } }, { subresource: 'status' });
    cached = unjudged; // a cache that has not heard of that
    await watchdog.look(122_000);
    expect(await readyOfNew()).toMatchObject([{ status: 'True' }]);
    await other.close();
  });

  test('that was made anew under its name since it was seen is not touched', async () => {
    const stale = await cluster.get(widgets, { name: 'one' });
    if (!stale) throw new Error('the widget is gone');
    await cluster.delete(widgets, { name: 'one' });
    await cluster.create(widgets, { metadata: { name: 'one' }, spec: { size: 1 } });
    await reconcile();
    const seen = { ...stale, metadata: { ...stale.metadata, generation: 9 } };
    const { informer, tell } = told<Watched>();
    const other = await connectTestCluster();
    const watchdog = new Watchdog({
      cluster: other,
      kinds: [{ kind: widgets, informer: { ...informer, synced: true, get: () => seen } }],
      limit: 60,
    });
    tell('added', seen);
    await watchdog.look(0);
    await watchdog.look(61_000);
    expect(await readyOf()).toMatchObject({ status: 'True' });
    await other.close();
  });
});

const rules = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })) });

describe('alerts', () => {
  let operator: RunningOperator;
  beforeAll(async () => {
    operator = await runOperator();
  }, startTimeoutMs);
  afterAll(() => operator.stop());

  test('ask for nothing but what a running operator exports, and a fresh operator raises none', async () => {
    await operator.cluster.apply(kinds.tenantClasses, { metadata: { name: 'op-watchdog' }, spec: {} });
    const exported = await until(
      'the first look of the watchdog',
      async () => {
        const text = await operator.metrics();
        return text.includes('cloister_objects_behind_seconds_max{kind="ModelProvider"}') && text;
      },
      15_000,
    );
    await operator.cluster.delete(kinds.tenantClasses, { name: 'op-watchdog' });
    for (const of of [kinds.tenants, kinds.agentConfigs, kinds.tenantClasses, kinds.modelProviders]) {
      expect(exported).toContain(`\ncloister_objects_behind{kind="${of.kind}"} 0\n`);
    }
    const file = readFileSync(new URL('../../charts/cloister/files/alerts.yaml', import.meta.url), 'utf8');
    const named = rules
      .parse(parse(file))
      .groups.flatMap((group) => group.rules.flatMap(({ expr }) => expr.match(/\b[a-z]+(_[a-z]+){2,}\b/g) ?? []));
    expect(named.length).toBeGreaterThan(7);
    // Where there is no tenant, what is told of each is only declared.
    const declared = (name: string) => (name.startsWith('cloister_tenant_') ? '# TYPE ' : '');
    for (const name of named) expect(exported, name).toMatch(new RegExp(`^${declared(name)}${name}(\\{| )`, 'm'));
    expect(exported).toMatch(/^leader_election_master_status\{name="cloister-operator"\} 1$/m);
    const beats = [...exported.matchAll(/^kube_runtime_controller_heartbeat_timestamp_seconds\{controller="(\w+)"\} (\S+)$/gm)];
    expect(beats.map(([, name]) => name).sort()).toEqual(['agent', 'class', 'platform', 'provider', 'tenant']);
    for (const [, name, at] of beats) expect(Date.now() / 1000 - Number(at), name).toBeLessThan(60);
  });
});
