/** What of a budget that runs out `kubectl apply` accepts and refuses, asked of a real API server. */
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

test.each<[string, 'Tenant' | 'TenantClass' | 'AgentConfig', object]>([
  ['a budget that slows calls down', 'Tenant', { budget: { daily: { usd: 5 }, onExceeded: 'Throttle', softLimitPercent: 50 } }],
  [
    'a class whose tenants go on with cheaper models',
    'TenantClass',
    { defaults: { budget: { onExceeded: 'Downgrade', downgradeTo: ['a/b'] } } },
  ],
  ['an agent with a cheaper model of its own', 'AgentConfig', { model: 'a/b', budget: { downgradeTo: ['a/c'] } }],
  ['alerts of its own', 'Tenant', { budget: { alertAtPercent: [25, 90] } }],
  ['no alerts', 'Tenant', { budget: { alertAtPercent: [] } }],
])('%s is accepted', async (_, kind, spec) => {
  expect(await dryRunOn(cluster, kind, 'acme', spec)).toMatchObject({ spec });
});

test.each<[string, 'Tenant' | 'AgentConfig', object, RegExp]>([
  ['an action that nobody knows', 'Tenant', { budget: { onExceeded: 'Warn' } }, /spec\.budget\.onExceeded: Unsupported value: "Warn"/],
  ['a soft limit at the limit', 'Tenant', { budget: { softLimitPercent: 100 } }, /softLimitPercent.*less than or equal to 99/],
  ['a cheaper model without its provider', 'Tenant', { budget: { downgradeTo: ['nano'] } }, /downgradeTo.*expected <provider>\/<model>/],
  ['a cheaper model twice', 'AgentConfig', { model: 'a/b', budget: { downgradeTo: ['a/c', 'a/c'] } }, /an entry is there twice/],
  ['a day over a month of an agent', 'AgentConfig', { model: 'a/b', budget: { daily: { usd: 9 }, monthly: { usd: 8 } } }, /usd is above/],
  ['an alert beyond the limit', 'Tenant', { budget: { alertAtPercent: [120] } }, /alertAtPercent.*less than or equal to 100/],
  ['an alert twice', 'Tenant', { budget: { alertAtPercent: [50, 50] } }, /Duplicate value/],
])('%s is refused, and the message says what to do', async (_, kind, spec, message) => {
  expect(await dryRunOn(cluster, kind, 'acme', spec)).toMatch(message);
});
