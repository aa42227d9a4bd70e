/** Which prices `kubectl apply` accepts and refuses, and which days of their lists, asked of a real API server. */
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

const pricedAt = (price: object) => {
  const models = [{ name: 'm', contextWindow: 100, maxOutputTokens: 10, price: { inputPerMillion: 5, outputPerMillion: 30, ...price } }];
  return dryRunOn(cluster, 'ModelProvider', 'p', { type: 'Offline', models });
};

test.each([
  { cachedInputPerMillion: 0.5 },
  { cacheWritePerMillion: 6.25 },
  { cachedInputPerMillion: 0, cacheWritePerMillion: 10 },
  { cachedInputPerMillion: 5, cacheWritePerMillion: 5 },
  { inputPerMillion: 0, cachedInputPerMillion: 0, cacheWritePerMillion: 0 },
])('prices of cached input are kept: %j', async (price) => {
  expect(await pricedAt(price)).toMatchObject({ spec: { models: [{ price }] } });
});

test.each([
  [{ cachedInputPerMillion: 5.01 }, 'price', /cachedInputPerMillion is above inputPerMillion; leave it out/],
  [{ cacheWritePerMillion: 4.99 }, 'price', /cacheWritePerMillion is below inputPerMillion; leave it out/],
  [{ cacheWritePerMillion: 0 }, 'price', /cacheWritePerMillion is below inputPerMillion; leave it out/],
  [{ cachedInputPerMillion: -1 }, 'price.cachedInputPerMillion', /should be greater than or equal to 0/],
  [{ cacheWritePerMillion: 1_000_001 }, 'price.cacheWritePerMillion', /should be less than or equal to 1000000/],
  [{ cachedInputPerMillion: '0.5' }, 'price.cachedInputPerMillion', /must be of type number/],
])('prices of cached input are refused with the field and the remedy: %j', async (price, field, remedy) => {
  const said = await pricedAt(price);
  expect(said).toMatch(remedy);
  expect(said).toContain(`spec.models[0].${field}`);
});

test('embeddings have no price of cached input', async () => {
  const price = { inputPerMillion: 1, cachedInputPerMillion: 0.1 };
  const said = await dryRunOn(cluster, 'ModelProvider', 'p', {
    type: 'Offline',
    embeddingModels: [{ name: 'e', contextWindow: 100, price }],
  });
  expect(said).toMatch(/unknown field "spec\.embeddingModels\[0\]\.price\.cachedInputPerMillion"/);
});
