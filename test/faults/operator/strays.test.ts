/**
 * Deployments that are deleted by hand while the garbage collector stands still, and whose history it never gets to see whole: it leaves their pods, or
 * their ReplicaSets, for ever, though their owners are gone. Real controllers, of which that was seen with 1.36; no pod that is wanted may go.
 */
import { apiVersion, labels, namespaceOf } from '@cloister/tenancy';
import { keyOf, kind, type BaseObject } from 'kube-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import * as kinds from '../../../operator/src/kinds.ts';
import { isReady } from '../../../operator/src/status/conditions.ts';
import { until } from '../../e2e/support/until.ts';
import { freeze, takeDown } from '../../cluster/index.ts';
import { compactHistory } from '../support/compaction.ts';
import { className, model, openBareWorld, type BareWorld } from '../support/control-plane.ts';
import { OperatorProcess } from '../support/operator-process.ts';

const suffix = Date.now().toString(36).slice(-4);
const [lasting, archived, leaving] = [`fs-stay-${suffix}`, `fs-arch-${suffix}`, `fs-go-${suffix}`] as const;
const tenants = [lasting, archived, leaving];
const events = kind('events.k8s.io/v1', 'Event');
/** A minute until a pod is suspected, another between two looks, and what the machine needs. */
const within = { within: 180_000, every: 500 };

let world: BareWorld;
let operator: OperatorProcess;
/** By tenant: the pod whose owners are gone. */
const strays = new Map<string, kinds.Pod>();

beforeAll(async () => {
  world = await openBareWorld('strays');
  operator = new OperatorProcess({ ...world, kubeconfig: (await world.account('operator')).kubeconfig, identity: 'operator-0' });
  for (const name of tenants) await makeTenant(name);
  for (const name of tenants) strays.set(name, await onlyPodOf(name));
  await hide(async () => {
    for (const name of tenants) await replaceDeployment(name);
  });
  await world.cluster.patch(kinds.tenants, { name: archived }, { spec: { state: 'Archived' } });
  await world.cluster.delete(kinds.tenants, { name: leaving });
});
afterAll(async () => {
  for (const name of tenants) await world.cluster.delete(kinds.tenants, { name });
  await until('the tenants to be gone', async () => (await world.cluster.list(kinds.tenants)).length === 0, within);
  await operator.stop();
  await world.close();
});

const agentOf = (tenant: string) => ({ name: 'support', namespace: namespaceOf(tenant) });
const ofAgent = (tenant: string) => ({ namespace: namespaceOf(tenant), labelSelector: `${labels.agent}=support` });
const isAlive = ({ metadata }: BaseObject): boolean => metadata.deletionTimestamp === undefined;
const livePodsOf = async (tenant: string) => (await world.cluster.list(kinds.pods, ofAgent(tenant))).filter(isAlive);
const strayLives = async (tenant: string) =>
  (await livePodsOf(tenant)).some(({ metadata }) => metadata.uid === strays.get(tenant)?.metadata.uid);

async function makeTenant(name: string): Promise<void> {
  await world.cluster.create(kinds.tenants, { apiVersion, metadata: { name }, spec: { classRef: { name: className } } });
  await until('its namespace', () => world.cluster.get(kinds.namespaceKind, { name: namespaceOf(name) }), { within: 30_000 });
  await world.cluster.create(kinds.agentConfigs, { metadata: agentOf(name), spec: { model } });
  const ready = async () => isReady((await world.cluster.get(kinds.agentConfigs, agentOf(name)))?.status?.conditions);
  await until('its agent to be Ready', ready, { within: 60_000 });
}

async function onlyPodOf(tenant: string): Promise<kinds.Pod> {
  const [only, ...others] = await livePodsOf(tenant);
  if (!only || others.length > 0) throw new Error(`tenant ${tenant} has ${others.length + (only ? 1 : 0)} pods, where one was expected`);
  return only;
}

async function replaceDeployment(tenant: string): Promise<void> {
  const before = await world.cluster.get(kinds.deployments, agentOf(tenant));
  await world.cluster.delete(kinds.deployments, agentOf(tenant));
  const isNew = ({ metadata }: BaseObject) => metadata.uid !== before?.metadata.uid;
  const again = async () => [await world.cluster.get(kinds.deployments, agentOf(tenant))].some((now) => now !== undefined && isNew(now));
  await until('the operator to make it anew', again, { within: 30_000 });
}

/** Kubernetes' own controllers see the state after `work`, and nothing of how it came about. */
async function hide(work: () => Promise<void>): Promise<void> {
  const goOn = await freeze(world.plane, 'kube-controller-manager');
  await work();
  const release = await takeDown(world.plane, 'kube-apiserver');
  await sleep(2_000);
  await compactHistory(world.plane);
  await release();
  await until('the API server to answer', async () => (await world.cluster.list(kinds.tenants).catch(() => [])).length > 0, within);
  await goOn();
}

const reference = z.object({ kind: z.string(), name: z.string(), namespace: z.string().optional() });

async function strayWasTold(about: string): Promise<boolean> {
  const told = (await world.cluster.list(events)).filter((event) => event['reason'] === 'StrayPodsEnded');
  return told
    .map((event) => reference.parse(event['regarding']))
    .some(({ kind: of, name, namespace }) => `${of} ${namespace ?? ''}/${name}` === about);
}

/** Or there would be nothing to mend: long after the garbage collector has looked again. */
const expectThatItIsLeft = async (tenant: string) => {
  await sleep(20_000);
  expect(await strayLives(tenant)).toBe(true);
};

test('pods of a former Deployment end, those of the present one go on', async () => {
  await expectThatItIsLeft(lasting);
  const [wanted] = (await livePodsOf(lasting)).filter(({ metadata }) => metadata.uid !== strays.get(lasting)?.metadata.uid);
  await until('it to be gone', async () => !(await strayLives(lasting)), within);
  expect((await livePodsOf(lasting)).map(({ metadata }) => metadata.uid)).toEqual([wanted?.metadata.uid]);
  expect(await strayWasTold(`AgentConfig ${keyOf(agentOf(lasting))}`)).toBe(true);
});

test('they do not hold up the deletion of a tenant', async () => {
  await until('the Tenant to be gone', async () => !(await world.cluster.get(kinds.tenants, { name: leaving })), within);
  expect(await strayWasTold(`Tenant /${leaving}`)).toBe(true);
});

test('they end when their tenant is archived', async () => {
  await until('it to be gone', async () => !(await strayLives(archived)), within);
  expect(await livePodsOf(archived)).toEqual([]);
  expect(await strayWasTold(`AgentConfig ${keyOf(agentOf(archived))}`)).toBe(true);
});
