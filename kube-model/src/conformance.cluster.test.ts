/**
 * The model against the real API server: the same generated operations on both, compared after each, and at the end all objects and what
 * watches brought.
 *
 * CLOISTER_TEST_MODEL_KUBECONFIG names an API server that nobody else uses, without controllers. CONFORMANCE_RUNS says how many sequences each
 * of the first four tests runs, those after them fewer; CONFORMANCE_SEED from which seed on. A failure tells its seed and path; set CONFORMANCE_PATH beside the seed to
 * see it again.
 */
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { connect, connectTo, KubeError, type ApiRequest, type Cluster } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { chargedOperations } from './conformance/charged.ts';
import { foundCases } from './conformance/found.fixture.ts';
import { operations, operationsOnChildren } from './conformance/generate.ts';
import { kindsByName, namespaces, pathFor, servedWidgets, widgetDefinition, widgets } from './conformance/kinds.fixture.ts';
import { Normaliser } from './conformance/normalise.ts';
import type { Operation } from './conformance/operation.ts';
import { getQueries, listQueries, type Shown } from './conformance/reads.fixture.ts';
import { Side } from './conformance/side.ts';
import { Watching } from './conformance/watching.ts';
import { recordOf } from './objects/json.ts';
import { ModelApiServer } from './server.ts';

const runs = Number(process.env['CONFORMANCE_RUNS'] ?? 75);
const firstSeed = Number(process.env['CONFORMANCE_SEED'] ?? 1);
const path = process.env['CONFORMANCE_PATH'];
const run = randomBytes(3).toString('hex');
const watching = new Watching();
let real: Cluster;
let sequences = 0;

beforeAll(async () => {
  const kubeconfig = process.env['CLOISTER_TEST_MODEL_KUBECONFIG'];
  if (!kubeconfig) throw new Error('set CLOISTER_TEST_MODEL_KUBECONFIG to an API server without controllers, or use "make test"');
  real = await connect({ kubeconfig });
  await real.request({
    method: 'PATCH',
    path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${widgetDefinition.metadata.name}`,
    query: { fieldManager: 'conformance', force: true },
    contentType: 'application/apply-patch+yaml',
    body: widgetDefinition,
  });
  await vi.waitFor(() => real.request({ path: pathFor(widgets, 'default') }), { timeout: 20_000, interval: 100 });
  await watching.start(real);
});

afterAll(async () => {
  await watching.stop();
  await real.close();
});

/** `quotaKnownMs`: how long to wait until the admission of the real server has heard of a quota, where it matters. */
async function behaveAlike(sequence: readonly Operation[], quotaKnownMs = 0): Promise<void> {
  const name = `kc-${run}-${(sequences++).toString(36)}`;
  const spaces = [`${name}-0`, `${name}-1`] as const;
  const model = connectTo(new ModelApiServer({ kinds: [servedWidgets] }).connect());
  const watchingModel = new Watching();
  await watchingModel.start(model);
  for (const cluster of [real, model]) await cluster.create(namespaces, { metadata: { name: spaces[0] } });

  const expected = new Side((request) => real.request(request), spaces);
  const found = new Side((request) => model.request(request), spaces);
  for (const [index, operation] of sequence.entries()) {
    const [by, seen] = [await expected.run(operation), await found.run(operation)];
    expect(seen, `after operation ${index}, ${JSON.stringify(operation)}`).toEqual(by);
    if ('target' in operation && operation.target.kind === 'ResourceQuota') await pause(quotaKnownMs);
  }
  const kinds = new Set(sequence.flatMap((operation) => ('target' in operation ? [operation.target.kind] : [])));
  expect(await found.everything(kinds), 'at the end').toEqual(await expected.everything(kinds));
  await vi.waitFor(() => expect(watchingModel.of(spaces), 'events').toEqual(watching.of(spaces)), { timeout: 10_000 });
  await watchingModel.stop();
}

test.concurrent.each([0, 1, 2, 3])(
  'the model answers every request as the API server does, and tells watches the same (%i)',
  async (offset) => {
    const settings = { numRuns: runs, seed: firstSeed + offset, ...(path !== undefined && { path }) };
    await fc.assert(
      fc.asyncProperty(operations, (sequence) => behaveAlike(sequence)),
      settings,
    );
  },
  Math.max(240_000, runs * 5_000),
);

test.concurrent.each([0, 1, 2, 3])(
  'the model does with what fences in, lets in and scales as the API server does (%i)',
  async (offset) => {
    const settings = { numRuns: Math.ceil(runs / 2.5), seed: firstSeed + offset, ...(path !== undefined && { path }) };
    await fc.assert(
      fc.asyncProperty(operationsOnChildren, (sequence) => behaveAlike(sequence)),
      settings,
    );
  },
  Math.max(240_000, runs * 5_000),
);

test.concurrent.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'the model counts against quotas, and refuses what they cannot bear, as the API server does (%i)',
  async (offset) => {
    const settings = { numRuns: Math.ceil(runs / 15), seed: firstSeed + offset, ...(path !== undefined && { path }) };
    await fc.assert(
      fc.asyncProperty(chargedOperations, (sequence) => behaveAlike(sequence, 250)),
      settings,
    );
  },
  Math.max(240_000, runs * 5_000),
);

test.each(foundCases)('the model does as the API server does: %s', (_, sequence) => behaveAlike(sequence));

/** What each of the reads gives: what is shown, or how it is refused. */
async function readsOn(cluster: Cluster, namespace: string): Promise<ReadonlyMap<string, unknown>> {
  await cluster.create(namespaces, { metadata: { name: namespace } });
  for (const name of ['a', 'b']) await cluster.create(kindsByName.ConfigMap, { metadata: { name, namespace } });
  const path = pathFor(kindsByName.ConfigMap, namespace);
  const { continue: token, resourceVersion } = recordOf(recordOf(await cluster.request({ path, query: { limit: 1 } }))['metadata']);
  const shown: Shown = { version: String(resourceVersion), token: String(token) };
  await cluster.delete(kindsByName.ConfigMap, { namespace, name: 'b' });
  const normaliser = new Normaliser();
  const outcome = (request: ApiRequest): Promise<unknown> =>
    cluster.request(request).then(
      (answer) => normaliser.normalise(answer),
      (error: unknown) => {
        if (error instanceof KubeError) return `${error.status} ${error.reason}`;
        throw error;
      },
    );
  const one = pathFor(kindsByName.ConfigMap, namespace, 'a');
  const reads = [
    ...listQueries.map(([what, query]) => [`a list of ${what}`, { path, query: query(shown) }] as const),
    ...getQueries.map(([what, query]) => [`an object at ${what}`, { path: one, query: query(shown) }] as const),
  ];
  return new Map(await Promise.all(reads.map(async ([what, request]) => [what, await outcome(request)] as const)));
}

test.concurrent('the model refuses reads of versions and pages that cannot be, as the API server does', async () => {
  const name = `kc-${run}-reads`;
  const model = connectTo(new ModelApiServer().connect());
  const expected = await readsOn(real, name);
  expect(expected.get('a list of exactly a version to come')).toBe('504 Timeout');
  expect(await readsOn(model, name)).toEqual(expected);
});
