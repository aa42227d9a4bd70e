/** What `kubectl apply` accepts and refuses, asked of a real API server. */
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

const dryRun = (kindName: string, name: string, spec: unknown) => dryRunOn(cluster, kindName, name, spec);

const echo = { name: 'echo', contextWindow: 8192, maxOutputTokens: 1024, price: { inputPerMillion: 0, outputPerMillion: 0.5 } };
const wordy = { ...echo, maxOutputTokens: 9000 };
const lavish = { daily: { usd: 9 }, monthly: { usd: 8 } };
const credentials = { secretRef: { name: 'a', key: 'key' } };
const azure = { type: 'AzureOpenAI', baseURL: 'https://x.openai.azure.com/openai/v1', credentials, models: [echo] };
const older = { baseURL: 'https://x.openai.azure.com/openai' };
const bedrock = { type: 'Bedrock', baseURL: 'https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1', credentials, models: [echo] };
const vectors = { name: 'vectors', contextWindow: 8192, price: { inputPerMillion: 0.02 } };

describe('is accepted', () => {
  test.each<[string, string, string, unknown]>([
    ['a Tenant that says nothing', 'Tenant', 'acme', {}],
    ['quantities as numbers and as text', 'Tenant', 'acme', { quota: { cpu: 2, memory: '4Gi' } }],
    ['a tenant name of 40 characters', 'Tenant', 'a'.repeat(40), {}],
    ['an archived Tenant that keeps its data', 'Tenant', 'acme', { state: 'Archived', deletionPolicy: 'Retain' }],
    ['waves by number', 'TenantClass', 'c', { rollout: { waveSize: 3, canary: { matchLabels: { canary: 'yes' } } } }],
    ['waves by share', 'TenantClass', 'c', { rollout: { waveSize: '25%', pauseSeconds: 600 } }],
    ['a budget with fractions of a dollar', 'Tenant', 'acme', { budget: { timeZone: 'Europe/Vienna', daily: { usd: 0.07 } } }],
    [
      'an OIDC issuer that ends with a slash',
      'Tenant',
      'acme',
      { access: { oidc: [{ issuer: 'https://acme.id.example/', audience: 'a' }] } },
    ],
    [
      'limits of a tenant, its users and one key',
      'Tenant',
      'acme',
      {
        rateLimits: { requestsPerMinute: 60, tokensPerMinute: 100000, concurrentRequests: 20, perUser: { concurrentRequests: 2 } },
        access: { apiKeys: [{ name: 'website', rateLimits: { tokensPerMinute: 5000 } }] },
      },
    ],
    [
      'roles of users by a claim',
      'Tenant',
      'acme',
      {
        access: {
          oidc: [{ issuer: 'https://id.example', audience: 'a', roles: { claim: 'groups', values: [{ value: 'staff', role: 'editor' }] } }],
        },
      },
    ],
    ['an agent with nothing but a model', 'AgentConfig', 'support', { model: 'offline/echo' }],
    ['an Offline provider', 'ModelProvider', 'offline', { type: 'Offline', models: [echo] }],
    ['an Azure provider', 'ModelProvider', 'p', azure],
    ['a provider of Gemini', 'ModelProvider', 'p', { type: 'Gemini', credentials, models: [echo], embeddingModels: [vectors] }],
    ['a provider of Bedrock', 'ModelProvider', 'p', bedrock],
    ['an Azure provider by deployments', 'ModelProvider', 'p', { ...azure, ...older, apiVersion: '2024-10-21' }],
    ['a provider of embeddings alone', 'ModelProvider', 'p', { type: 'Offline', embeddingModels: [vectors] }],
    ['a patient provider', 'ModelProvider', 'p', { type: 'Offline', firstTokenSeconds: 120, models: [{ ...echo, fallbacks: ['a/b'] }] }],
    [
      'a class with defaults below its ceilings',
      'TenantClass',
      'c',
      { defaults: { quota: { cpu: '500m' } }, ceilings: { quota: { cpu: 1 } } },
    ],
  ])('%s', async (_, kindName, name, spec) => {
    expect(await dryRun(kindName, name, spec)).toMatchObject({ metadata: { name } });
  });

  test.each([
    ['Tenant', {}],
    ['TenantClass', {}],
    ['ModelProvider', { type: 'Offline', models: [echo] }],
    ['AgentConfig', { model: 'offline/echo' }],
  ])('as in progress until the operator has looked at it: %s', async (kindName, spec) => {
    expect(await dryRun(kindName, 'fresh', spec)).toMatchObject({ status: { observedGeneration: -1 } });
  });

  test('with the defaults filled in', async () => {
    expect(await dryRun('Tenant', 'acme', {})).toMatchObject({
      spec: { state: 'Active', access: { apiKeys: [{ name: 'default', scopes: ['chat', 'settings'] }] } },
    });
  });
});

describe('is refused with the field and the remedy', () => {
  test.each<[string, string, string, unknown, RegExp]>([
    ['an unknown field', 'Tenant', 'acme', { quotas: {} }, /unknown field "spec\.quotas"/],
    ['a quantity that is none', 'Tenant', 'acme', { quota: { cpu: 'lots' } }, /spec\.quota\.cpu.*expected a quantity above zero/],
    ['a negative quantity', 'Tenant', 'acme', { quota: { memory: '-1Gi' } }, /spec\.quota\.memory.*above zero/],
    ['a name that makes no namespace', 'Tenant', 'a'.repeat(41), {}, /metadata\.name must be .* at most 40 characters/],
    ['a name with a dot', 'Tenant', 'a.b', {}, /metadata\.name must be lower-case letters/],
    ['a state that does not exist yet', 'Tenant', 'acme', { state: 'Frozen' }, /spec\.state: Unsupported value: "Frozen"/],
    [
      'a time zone that nobody knows',
      'Tenant',
      'acme',
      { budget: { timeZone: 'Mars/Olympus' } },
      /spec\.budget\.timeZone.*unknown time zone Mars\/Olympus.*expected an IANA time zone, for example Europe\/Vienna/,
    ],
    [
      'a time zone of Go alone',
      'Tenant',
      'acme',
      { budget: { timeZone: 'Local' } },
      /spec\.budget\.timeZone.*expected an IANA time zone, for example Europe\/Vienna/,
    ],
    [
      'a day that costs more than its month',
      'Tenant',
      'acme',
      { budget: { daily: { usd: 9 }, monthly: { usd: 8 } } },
      /spec\.budget: .*daily\.usd is above monthly\.usd.*lower the one/,
    ],
    ['room for a single pod', 'Tenant', 'acme', { quota: { pods: 1 } }, /spec\.quota\.pods.*greater than or equal to 2/],
    ['an address as host', 'Tenant', 'acme', { network: { host: '10.0.0.1' } }, /spec\.network\.host.*no address/],
    ['a host that all share', 'Tenant', 'acme', { network: { host: 'localhost' } }, /spec\.network\.host.*with a dot/],
    [
      'a ServiceAccount by a name that none can have',
      'Tenant',
      'acme',
      { owners: [{ kind: 'ServiceAccount', name: 'The CI', namespace: 'ci', role: 'editor' }] },
      /spec\.owners\[0\].*no name of a ServiceAccount/,
    ],
    ['a default agent by a name that none can have', 'Tenant', 'acme', { defaultAgent: '1st' }, /spec\.defaultAgent.*a lower-case letter/],
    [
      'an OIDC issuer that is no address',
      'Tenant',
      'acme',
      { access: { oidc: [{ issuer: 'https://:1', audience: 'a' }] } },
      /expected an https/,
    ],
    ['a number beyond what JSON carries', 'Tenant', 'acme', { quota: { cpu: 9007199254740992 } }, /spec\.quota\.cpu/],
    ['a day over a month of an API key', 'Tenant', 'acme', { access: { apiKeys: [{ name: 'a', budget: lavish }] } }, /usd is above/],
    ['a day over a month of a user', 'Tenant', 'acme', { budget: { perUser: lavish } }, /usd is above/],
    ['an empty budget window', 'Tenant', 'acme', { budget: { daily: {} } }, /set usd, tokens or both/],
    ['a model pattern over all providers', 'Tenant', 'acme', { models: { allow: ['*'] } }, /models\.allow.*expected <provider>\/<model>/],
    ['an API key twice', 'Tenant', 'acme', { access: { apiKeys: [{ name: 'a' }, { name: 'a' }] } }, /Duplicate value/],
    ['an OIDC issuer without TLS', 'Tenant', 'acme', { access: { oidc: [{ issuer: 'http://x', audience: 'a' }] } }, /expected an https/],
    ['an account of nowhere', 'Tenant', 'acme', { owners: [{ kind: 'ServiceAccount', name: 'ci', role: 'editor' }] }, /set namespace/],
    ['a model without its provider', 'AgentConfig', 'support', { model: 'gpt-5' }, /spec\.model.*expected <provider>\/<model>/],
    ['a day over a month', 'AgentConfig', 'a', { model: 'a/b', budget: { daily: { usd: 9 }, monthly: { usd: 8 } } }, /usd is above/],
    ['no model', 'AgentConfig', 'support', {}, /spec\.model: Required value/],
    [
      'bounds the wrong way round',
      'AgentConfig',
      'support',
      { model: 'a/b', settings: { temperature: { min: 1, max: 0 } } },
      /min is above max/,
    ],
    ['replicas beside scaling', 'AgentConfig', 'support', { model: 'a/b', replicas: 1, scaling: { min: 1, max: 2 } }, /exclude each other/],
    ['an agent name that is no Service name', 'AgentConfig', '1st', { model: 'a/b' }, /metadata\.name must be a lower-case letter/],
    [
      'requests above the limits that are built in',
      'AgentConfig',
      'support',
      { model: 'a/b', resources: { requests: { cpu: 2 } } },
      /spec\.resources: .*requests\.cpu .*is above limits\.cpu \(built in: 1\)/,
    ],
    [
      'requests above limits',
      'AgentConfig',
      'support',
      { model: 'a/b', resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } },
      /requests\.memory .*is above limits\.memory.*raise the other/,
    ],
    [
      'an image that no runtime could read',
      'AgentConfig',
      'support',
      { model: 'a/b', image: 'Registry/Image:tag:tag' },
      /spec\.image.*expected an image reference, for example/,
    ],
    ['a tool of no such name', 'AgentConfig', 'support', { model: 'a/b', allowedTools: ['a b'] }, /allowedTools\[0\].*the name of a tool/],
    ['a fallback twice', 'AgentConfig', 'support', { model: 'a/b', fallbacks: ['a/c', 'a/c'] }, /spec\.fallbacks.*twice; remove one/],
    ['a fallback to the model itself', 'AgentConfig', 'support', { model: 'a/b', fallbacks: ['a/b'] }, /fallbacks has spec\.model itself/],
    [
      'a toleration of nothing in particular',
      'TenantClass',
      'c',
      { tolerations: [{ operator: 'Equal', value: 'x' }] },
      /spec\.tolerations\[0\].*without key, operator must be Exists/,
    ],
    [
      'a toleration with a value for Exists',
      'TenantClass',
      'c',
      { tolerations: [{ key: 'a', operator: 'Exists', value: 'x' }] },
      /operator Exists takes no value/,
    ],
    [
      'seconds for what is not evicted',
      'TenantClass',
      'c',
      { tolerations: [{ key: 'a', tolerationSeconds: 5 }] },
      /tolerationSeconds goes with effect NoExecute/,
    ],
    ['a taint with an impossible key', 'TenantClass', 'c', { tolerations: [{ key: 'a b' }] }, /key is no key of a taint/],
    [
      'a node label with an impossible key',
      'TenantClass',
      'c',
      { nodeSelector: { 'a b': 'x' } },
      /spec\.nodeSelector.*expected labels of nodes/,
    ],
    [
      'a node label with an impossible value',
      'TenantClass',
      'c',
      { nodeSelector: { pool: 'a b' } },
      /spec\.nodeSelector.*expected labels of nodes/,
    ],
    [
      'a default number of pods above the ceiling',
      'TenantClass',
      'c',
      { defaults: { quota: { pods: 9 } }, ceilings: { quota: { pods: 8 } } },
      /defaults\.quota\.pods is above ceilings/,
    ],
    [
      'a default for each user above the ceiling',
      'TenantClass',
      'c',
      { defaults: { rateLimits: { perUser: { tokensPerMinute: 9 } } }, ceilings: { rateLimits: { perUser: { tokensPerMinute: 8 } } } },
      /defaults\.rateLimits\.perUser\.tokensPerMinute is above ceilings/,
    ],
    [
      'room for no request at all',
      'Tenant',
      'acme',
      { rateLimits: { concurrentRequests: 0 } },
      /spec\.rateLimits\.concurrentRequests.*greater than or equal to 1/,
    ],
    [
      'a role that nobody knows',
      'Tenant',
      'acme',
      {
        access: {
          oidc: [{ issuer: 'https://id.example', audience: 'a', roles: { claim: 'groups', values: [{ value: 'staff', role: 'king' }] } }],
        },
      },
      /roles\.values\[0\]\.role: Unsupported value: "king"/,
    ],
    ['an impossible port', 'ModelProvider', 'x', { type: 'OpenAICompatible', baseURL: 'http://x:99999', models: [echo] }, /URL.*an http/],
    ['an OpenAI provider without its key', 'ModelProvider', 'openai', { type: 'OpenAI', models: [echo] }, /needs credentials\.secretRef/],
    ['an Anthropic provider without its key', 'ModelProvider', 'x', { type: 'Anthropic', models: [echo] }, /needs credentials\.secretRef/],
    ['a compatible provider without address', 'ModelProvider', 'x', { type: 'OpenAICompatible', models: [echo] }, /needs baseURL/],
    ['a provider type that does not exist', 'ModelProvider', 'x', { type: 'Abacus', models: [echo] }, /spec\.type: Unsupported value/],
    ['an Azure provider without its key', 'ModelProvider', 'x', { ...azure, credentials: undefined }, /needs credentials\.secretRef/],
    ['an Azure provider without address', 'ModelProvider', 'x', { ...azure, baseURL: undefined }, /AzureOpenAI needs baseURL/],
    ['versions of an API without any', 'ModelProvider', 'x', { ...azure, apiVersion: '2024-10-21' }, /baseURL does not fit apiVersion/],
    ['the older API without its version', 'ModelProvider', 'x', { ...azure, baseURL: 'https://x.example/openai' }, /baseURL does not fit/],
    ['an API that tells no usage', 'ModelProvider', 'x', { ...azure, ...older, apiVersion: '2024-06-01' }, /before 2024-09-01-preview/],
    ['a version that is no date', 'ModelProvider', 'x', { ...azure, ...older, apiVersion: 'latest' }, /expected a date/],
    ['a version of another API', 'ModelProvider', 'x', { type: 'Offline', models: [echo], apiVersion: '2024-10-21' }, /AzureOpenAI alone/],
    ['a Gemini provider without its key', 'ModelProvider', 'x', { type: 'Gemini', models: [echo] }, /Gemini needs credentials\.secretRef/],
    ['a Bedrock provider without its key', 'ModelProvider', 'x', { ...bedrock, credentials: undefined }, /an API key of Bedrock/],
    ['a Bedrock provider without its region', 'ModelProvider', 'x', { ...bedrock, baseURL: undefined }, /Bedrock needs baseURL/],
    ['embeddings of Bedrock', 'ModelProvider', 'x', { ...bedrock, embeddingModels: [vectors] }, /Bedrock has no embeddings/],
    ['a provider of nothing', 'ModelProvider', 'x', { type: 'Offline' }, /nothing is on offer; name a model/],
    [
      'embeddings of Anthropic',
      'ModelProvider',
      'x',
      { type: 'Anthropic', credentials, embeddingModels: [vectors] },
      /type Anthropic has no embeddings; remove embeddingModels/,
    ],
    ['a first token too late', 'ModelProvider', 'x', { type: 'Offline', firstTokenSeconds: 121, models: [echo] }, /above timeoutSeconds/],
    ['a fallback that is none', 'ModelProvider', 'x', { type: 'Offline', models: [{ ...echo, fallbacks: ['m'] }] }, /expected <provider>/],
    ['an answer longer than the window', 'ModelProvider', 'x', { type: 'Offline', models: [wordy] }, /above contextWindow/],
    [
      'a wave of nobody',
      'TenantClass',
      'c',
      { rollout: { waveSize: 0 } },
      /spec\.rollout\.waveSize.*expected a number from 1, or a share from 1% to 100%/,
    ],
    ['a share above everybody', 'TenantClass', 'c', { rollout: { waveSize: '101%' } }, /share from 1% to 100%/],
    ['canaries that are everybody', 'TenantClass', 'c', { rollout: { canary: {} } }, /an empty selector would select every tenant/],
    [
      'a default above the ceiling',
      'TenantClass',
      'c',
      { defaults: { quota: { cpu: 2 } }, ceilings: { quota: { cpu: '1500m' } } },
      /above ceilings/,
    ],
  ])('%s', async (_, kindName, name, spec, message) => {
    expect(await dryRun(kindName, name, spec)).toMatch(message);
  });
});
