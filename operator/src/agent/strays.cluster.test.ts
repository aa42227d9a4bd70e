/** Pods and ReplicaSets that nobody answers for, on a real API server. No controller runs there: what controls what is as it is written here. */
import { annotations, labels, namespaceOf } from '@cloister/tenancy';
import { kind, type BaseObject, type Cluster, type Kind } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as kinds from '../kinds.ts';
import { agentSelector } from '../labels.ts';
import { connectTestCluster } from '../testing/cluster.fixture.ts';
import { endStrays } from './strays.ts';

const namespace = namespaceOf('strays');
const ofAgent = agentSelector('strays', 'support');
const own = { app: 'own' };
const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'one', image: 'none' }] };

const [pods, replicaSets, deployments] = [kind('v1', 'Pod'), kind('apps/v1', 'ReplicaSet'), kind('apps/v1', 'Deployment')];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await connectTestCluster();
  await cluster.apply(kinds.namespaceKind, { metadata: { name: namespace } });
  await cluster.apply(kinds.serviceAccounts, { metadata: { name: 'default', namespace } });
});
afterAll(async () => {
  await cluster.delete(kinds.namespaceKind, { name: namespace });
  await cluster.close();
});

interface Given {
  readonly owner?: BaseObject | undefined;
  readonly labels?: Readonly<Record<string, string>>;
}

const metaOf = (name: string, { owner, labels: given = ofAgent }: Given) => {
  const { apiVersion = '', kind = '', metadata } = owner ?? { metadata: { name: '' } };
  const reference = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true };
  return { name, namespace, labels: given, ...(owner && { ownerReferences: [reference] }) };
};

function workload(of: Kind, name: string, given: Given & { readonly template?: typeof ofAgent }): Promise<BaseObject> {
  const { template = ofAgent } = given;
  const body = { replicas: 0, selector: { matchLabels: template }, template: { metadata: { labels: template }, spec } };
  return cluster.create(of, { metadata: metaOf(name, given), spec: body });
}

async function pod(name: string, given: Given & { readonly byHand?: boolean }): Promise<kinds.Pod> {
  const noted = given.byHand ? {} : { annotations: { [annotations.credentials]: 'c1' } };
  return kinds.pods.accept(await cluster.create(pods, { metadata: { ...metaOf(name, given), ...noted }, spec }));
}

/** What is left of it when it has been there for long. */
async function leftOf(seen: kinds.Pod, ...others: readonly BaseObject[]): Promise<string[]> {
  const old = { ...seen, metadata: { ...seen.metadata, creationTimestamp: '2026-01-01T00:00:00Z' } };
  const expected = { count: 0, since: '2026-01-01T00:00:00Z' };
  await endStrays({ cluster, signal: AbortSignal.timeout(10_000), record: () => undefined }, [old], expected);
  const live = await Promise.all([seen, ...others].map((one) => cluster.get(one.kind === pods.kind ? pods : replicaSets, one.metadata)));
  return live.flatMap((one) => (one && !one.metadata.deletionTimestamp ? [`${one.kind ?? ''} ${one.metadata.name}`] : []));
}

test('a pod whose Deployment is there is none', async () => {
  const deployment = await workload(deployments, 'kept', {});
  const replicaSet = await workload(replicaSets, 'kept-1', { owner: deployment });
  expect(await leftOf(await pod('kept-1-a', { owner: replicaSet }), replicaSet)).toEqual(['Pod kept-1-a', 'ReplicaSet kept-1']);
});

test('a pod that was let go of ends', async () => {
  expect(await leftOf(await pod('alone', {}))).toEqual([]);
});

test('so does a ReplicaSet that was let go of, and its pod with it', async () => {
  const replicaSet = await workload(replicaSets, 'alone-1', {});
  expect(await leftOf(await pod('alone-1-a', { owner: replicaSet }), replicaSet)).toEqual(['Pod alone-1-a']);
});

test('and a pod that somebody else has taken over, not what took it over', async () => {
  const deployment = await workload(deployments, 'theirs', { template: own });
  const replicaSet = await workload(replicaSets, 'theirs-1', { owner: deployment, template: own });
  expect(await leftOf(await pod('theirs-1-a', { owner: replicaSet }), replicaSet)).toEqual(['ReplicaSet theirs-1']);
});

test('a pod that somebody made by hand is left alone', async () => {
  expect(await leftOf(await pod('by-hand', { byHand: true }))).toEqual(['Pod by-hand']);
  expect(await leftOf(await pod('of-no-agent', { labels: { [labels.tenant]: 'strays' } }))).toEqual(['Pod of-no-agent']);
});
