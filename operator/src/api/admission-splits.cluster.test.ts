/** Which traffic splits `kubectl apply` accepts and refuses, asked of a real API server. */
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

const tenantWith = (trafficSplits: unknown) => dryRunOn(cluster, 'Tenant', 'acme', { trafficSplits });
const splitAmong = (agents: unknown, name = 'support') => tenantWith([{ name, agents }]);

test('weights that do not sum up to 100, and none where nothing is said', async () => {
  const agents = [{ name: 'support', weight: 7 }, { name: 'next' }, { name: 'parked', weight: 0 }];
  const stored = [agents[0], { name: 'next', weight: 1 }, agents[2]];
  expect(await splitAmong(agents, 'front-desk')).toMatchObject({ spec: { trafficSplits: [{ name: 'front-desk', agents: stored }] } });
});

test('no split', async () => {
  expect(await tenantWith([])).toMatchObject({ metadata: { name: 'acme' } });
});

const many = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `a${at}` }));
test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'weights that are all 0',
    () => splitAmong([{ name: 'a', weight: 0 }]),
    /spec\.trafficSplits\[0\]\.agents: Invalid value.*every weight is 0, so nobody would answer; set one to 1 or more/,
  ],
  ['a weight below 0', () => splitAmong([{ name: 'a', weight: -1 }]), /agents\[0\]\.weight: Invalid value: -1.*greater than or equal to 0/],
  ['a part of a weight', () => splitAmong([{ name: 'a', weight: 0.5 }]), /agents\[0\]\.weight: Invalid value.*integer/],
  ['a share', () => splitAmong([{ name: 'a', weight: '5%' }]), /agents\[0\]\.weight: Invalid value: "string".*must be of type integer/],
  [
    'more than anybody needs',
    () => splitAmong([{ name: 'a', weight: 1e6 + 1 }]),
    /weight: Invalid value: 1000001.*less than or equal to 1000000/,
  ],
  ['an agent twice', () => splitAmong([{ name: 'a' }, { name: 'a' }]), /agents\[1\]: Duplicate value/],
  ['nobody', () => splitAmong([]), /agents: Invalid value: 0.*at least 1/],
  ['more agents than anybody compares', () => splitAmong(many(9)), /agents: Too many: 9: must have at most 8/],
  [
    'an agent by a name that none can have',
    () => splitAmong([{ name: '1st' }]),
    /agents\[0\]\.name: Invalid value: "1st": expected the name of an AgentConfig/,
  ],
  [
    'a model as name',
    () => splitAmong([{ name: 'a' }], 'openai/gpt-5'),
    /trafficSplits\[0\]\.name: Invalid value: "openai\/gpt-5": expected a name such as/,
  ],
  [
    'a name twice',
    () =>
      tenantWith([
        { name: 'a', agents: [{ name: 'a' }] },
        { name: 'a', agents: [{ name: 'b' }] },
      ]),
    /trafficSplits\[1\]: Duplicate value/,
  ],
  ['a split of a split', () => splitAmong([{ name: 'a', agents: [] }]), /unknown field "spec\.trafficSplits\[0\]\.agents\[0\]\.agents"/],
])('%s: refused, and the message says what to do', async (_, asked, message) => {
  expect(await asked()).toMatch(message);
});
