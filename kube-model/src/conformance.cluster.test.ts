/**
 * The model against the real API server: the same generated operations on both, compared after each, and at the end all objects and what
 * watches brought.
 *
 * CLOISTER_TEST_MODEL_KUBECONFIG names an API server that nobody else uses, without controllers. CONFORMANCE_RUNS says how many sequences each
 * of the four tests runs, CONFORMANCE_SEED from which seed on. A failure tells its seed and path; set CONFORMANCE_PATH beside the seed to
 * see it again.
 */
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { connect, connectTo, type Cluster } from 'kube-runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { foundCases } from './conformance/found.fixture.ts';
import { operations } from './conformance/generate.ts';
import { namespaces, pathFor, servedWidgets, widgetDefinition, widgets } from './conformance/kinds.fixture.ts';
import type { Operation } from './conformance/operation.ts';
import { Side } from './conformance/side.ts';
import { Watching } from './conformance/watching.ts';
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

async function behaveAlike(sequence: readonly Operation[]): Promise<void> {
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
  }
  expect(await found.everything(), 'at the end').toEqual(await expected.everything());
  await vi.waitFor(() => expect(watchingModel.of(spaces), 'events').toEqual(watching.of(spaces)), { timeout: 10_000 });
  await watchingModel.stop();
}

test.concurrent.each([0, 1, 2, 3])(
  'the model answers every request as the API server does, and tells watches the same (%i)',
  async (offset) => {
    const settings = { numRuns: runs, seed: firstSeed + offset, ...(path !== undefined && { path }) };
    await fc.assert(fc.asyncProperty(operations, behaveAlike), settings);
  },
  Math.max(240_000, runs * 5_000),
);

test.each(foundCases)('the model does as the API server does: %s', (_, sequence) => behaveAlike(sequence));
