/** Which days of price lists `kubectl apply` accepts and refuses, asked of a real API server. */
import type { Cluster } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTestCluster, installResources } from '../testing/cluster.fixture.ts';
import { dryRunOn } from './dry-run.fixture.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await connectTestCluster();
  await installResources(cluster);
});
afterAll(() => cluster.close());

const pricedAsOf = (asOf: unknown) => {
  const price = { inputPerMillion: 1, asOf };
  const models = [{ name: 'm', contextWindow: 100, maxOutputTokens: 10, price: { ...price, outputPerMillion: 1 } }];
  return dryRunOn(cluster, 'ModelProvider', 'p', { type: 'Offline', models, embeddingModels: [{ name: 'e', contextWindow: 100, price }] });
};

test('a day is kept with the price, of models for chat and of those for embeddings', async () => {
  const price = { asOf: '2024-02-29' };
  expect(await pricedAsOf('2024-02-29')).toMatchObject({ spec: { models: [{ price }], embeddingModels: [{ price }] } });
});

test.each(['31.3.2026', '2026-3-31', '2026-02-29', '2026-13-01', '2026-03-31T00:00:00Z', 'today', ''])(
  '%j is refused with the field and what was expected',
  async (asOf) => {
    expect(await pricedAsOf(asOf)).toMatch(/spec\.models\[0\]\.price\.asOf.*must be of type date/);
  },
);
