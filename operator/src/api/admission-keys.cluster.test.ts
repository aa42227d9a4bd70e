/** Which keys of tenants' own `kubectl apply` accepts and refuses, asked of a real API server. */
import type { Cluster } from 'kube-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectTestCluster, installResources } from '../testing/cluster.fixture.ts';
import { dryRunOn } from './dry-run.fixture.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await connectTestCluster();
  await installResources(cluster);
});
afterAll(() => cluster.close());

const keyOf = (provider: string, secretRef: object = { name: 'keys', key: provider }) => ({ provider, secretRef });
const tenantWith = (...providerKeys: object[]) => dryRunOn(cluster, 'Tenant', 'acme', { providerKeys });
const model = { name: 'm', contextWindow: 100, maxOutputTokens: 10, price: { inputPerMillion: 1, outputPerMillion: 1 } };
const providerWith = (spec: object) => dryRunOn(cluster, 'ModelProvider', 'p', { models: [model], ...spec });

describe('of a Tenant', () => {
  test('several are accepted, of one Secret or of many', async () => {
    expect(await tenantWith(keyOf('openai'), keyOf('anthropic'), keyOf('azure', { name: 'azure', key: 'key' }))).toMatchObject({
      metadata: { name: 'acme' },
    });
  });
  test.each<[string, object[], RegExp]>([
    ['two for one provider', [keyOf('openai'), keyOf('openai')], /spec\.providerKeys\[1\]: Duplicate value: \{"provider":"openai"\}/],
    ['one for nobody', [keyOf('')], /spec\.providerKeys\[0\]\.provider.*expected the name of an object/],
    ['one for a model', [keyOf('openai/gpt-5-mini')], /spec\.providerKeys\[0\]\.provider.*expected the name of an object/],
    ['one without a Secret', [{ provider: 'openai' }], /spec\.providerKeys\[0\]\.secretRef: Required value/],
    ['one in a Secret without a name', [keyOf('openai', { name: '', key: 'key' })], /secretRef\.name.*expected the name of an object/],
    ['one under no key', [keyOf('openai', { name: 'keys', key: '' })], /secretRef\.key.*expected a key of the Secret/],
    ['one that stands in the spec itself', [{ ...keyOf('openai'), key: 'sk-1' }], /unknown field "spec\.providerKeys\[0\]\.key"/],
    ...['database', 'redis', 'serving', 'api-key-default'].map((name): [string, object[], RegExp] => [
      `what Cloister keeps in ${name}`,
      [keyOf('openai', { name, key: 'key' })],
      /secretRef.*names a Secret that Cloister makes.*name one of your own/,
    ]),
  ])('%s is refused', async (_, keys, message) => {
    expect(await tenantWith(...keys)).toMatch(message);
  });
});

describe('a ModelProvider', () => {
  const openAI = { type: 'OpenAI' };
  test('takes them where it says nothing of them', async () => {
    expect(await providerWith({ type: 'Offline' })).toMatchObject({ spec: { ownKeys: 'Allowed' } });
  });
  test('needs no key of the platform where it wants them', async () => {
    expect(await providerWith({ ...openAI, ownKeys: 'Required' })).toMatchObject({ spec: { ownKeys: 'Required' } });
    for (const ownKeys of ['Allowed', 'Forbidden'])
      expect(await providerWith({ ...openAI, ownKeys })).toMatch(/type OpenAI needs credentials\.secretRef/);
  });
  test.each(['Required', 'Forbidden'])('that calls nobody has no use for them: %s', async (ownKeys) => {
    expect(await providerWith({ type: 'Offline', ownKeys })).toMatch(
      /type Offline calls nobody, so no key is of use to it; remove ownKeys/,
    );
  });
});
