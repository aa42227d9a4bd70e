/** Two replicas of the operator as it is installed, by its Deployment, Lease and account. What else may befall a leader: faults/operator/leadership.test.ts. */
import { namespaces } from '@cloister/tenancy';
import { connect, type Cluster } from 'kube-runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { leaseName } from '../../operator/src/start.ts';
import { AuditLog } from '../state/audit.ts';
import { editOn, handover, isLease, isWork, lastOf, timings } from '../state/handover.ts';
import { setValues, wayBack } from './support/helm.ts';
import { podsOf, signal, type Pod } from './support/pods.ts';
import { deleteTenant, isReady, tenantManifest } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'failover';
const account = `system:serviceaccount:${namespaces.system}:operator`;

let world: World;
let cluster: Cluster;
let leader: Pod;
const ending = new AsyncDisposableStack();

beforeAll(async () => {
  world = await openWorld();
  const goBack = await wayBack(world);
  const scaled = setValues(world, { 'operator.replicas': 2 });
  ending.defer(() => scaled.then(goBack, goBack).then(() => undefined));
  ending.defer(() => deleteTenant(world, name));
  await world.kubectl.apply(tenantManifest({ name, spec: { classRef: undefined } }));
  await until('the tenant to be Ready', async () => isReady(await world.kubectl.get('tenant', name)), { within: 60_000 });
  await scaled;
  cluster = await connect({ kubeconfig: world.cluster.kubeconfig });
  ending.defer(() => cluster.close());
  const edits = editOn(cluster, name);
  ending.defer(() => edits.stop());
});
afterAll(() => ending.disposeAsync());

const lease = z.object({ spec: z.object({ holderIdentity: z.string() }) });
const holder = async () => lease.parse(await world.kubectl.get('lease', leaseName, namespaces.system)).spec.holderIdentity;

/** The other one is ready, so its caches are warm. */
beforeEach(async () => {
  await world.kubectl.run(['rollout', 'status', 'deployment/operator', '-n', namespaces.system, '--timeout=120s']);
  const [pods, leads] = [await podsOf(world, 'operator'), await holder()];
  expect(pods).toHaveLength(2);
  const found = pods.find((pod) => pod.name === leads);
  if (!found) throw new Error(`${leads} leads, which is none of the operator's pods`);
  leader = found;
});

/** Until a pod other than the leader's has begun to act. */
async function followed(log: AuditLog) {
  const by = (which: (pod: string) => boolean) => (write: { by: string; pod: string | undefined }) =>
    write.by === account && write.pod !== undefined && which(write.pod);
  const { writes, leads, acts } = await handover(
    log,
    by((pod) => pod !== leader.name),
    30_000,
  );
  const ofLeader = writes.filter(by((pod) => pod === leader.name));
  return { leads: leads.getTime(), acts: acts.getTime(), lastWork: lastOf(ofLeader, isWork), lastLease: lastOf(ofLeader, isLease) };
}
const removed = () => world.kubectl.run(['delete', 'pod', '-n', namespaces.system, leader.name, '--wait=false']);

test('a leader whose pod is deleted lets go, and the other acts within 2 seconds', async () => {
  const log = await AuditLog.from(world.cluster.auditLog);
  const told = Date.now();
  await removed();
  const { leads, acts, lastWork, lastLease: released } = await followed(log);
  console.log(`deleted: released after ${released - told} ms, led again after ${leads - told} ms, acts after ${acts - told} ms`);
  expect(lastWork).toBeLessThanOrEqual(released);
  expect(acts - released).toBeLessThanOrEqual(timings.retry);
});

test('a leader that is killed and does not come back is followed by the other, which acts within 17 seconds, and not while its lease lasts', async () => {
  const log = await AuditLog.from(world.cluster.auditLog);
  await sleep(timings.retry); // at least one renewal is seen
  // Stopped first, so that it hears nothing of its pod's end, which keeps the kubelet from starting it again.
  await signal(world, leader, 'SIGSTOP');
  const killed = Date.now();
  await removed();
  await signal(world, leader, 'SIGKILL');
  const { leads, acts, lastLease: renewed } = await followed(log);
  console.log(`killed: led again after ${leads - killed} ms, ${leads - renewed} ms after the last renewal; acts after ${acts - killed} ms`);
  expect(acts - killed).toBeLessThanOrEqual(timings.lease + timings.retry);
  expect(leads - renewed).toBeGreaterThanOrEqual(timings.lease);
});
