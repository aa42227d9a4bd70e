/** Two replicas, one of which leads: the API server's audit log tells who wrote what and when. The bounds are the lease's own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import * as kinds from '../../../operator/src/kinds.ts';
import { until } from '../../e2e/support/until.ts';
import { AuditLog, type AuditedWrite } from '../../state/audit.ts';
import { editOn, handover, isLease, isWork, lastOf, timings, type Edits, type Which } from '../../state/handover.ts';
import { className, openBareWorld, type BareWorld } from '../support/control-plane.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { UnrulyProxy } from '../support/unruly-proxy.ts';

const tenant = `fl-busy-${Date.now().toString(36).slice(-4)}`;

interface Replica {
  readonly username: string;
  readonly proxy: UnrulyProxy;
  process: OperatorProcess;
  readonly start: () => OperatorProcess;
}

let world: BareWorld;
let leader: Replica;
let standby: Replica;
let edits: Edits;
beforeAll(async () => {
  world = await openBareWorld('lead');
  leader = await replica('replica-a');
  await leader.process.leads();
  standby = await replica('replica-b');
  await warm(standby);
  await world.cluster.create(kinds.tenants, { metadata: { name: tenant }, spec: { classRef: { name: className } } });
  await until('its quota', () => quota(), { within: 30_000 });
  edits = editOn(world.cluster, tenant);
});
afterAll(async () => {
  await edits.stop();
  for (const { process, proxy } of [leader, standby]) {
    await process.kill();
    await proxy.close();
  }
  await world.close();
});

async function replica(name: string): Promise<Replica> {
  const proxy = await UnrulyProxy.start({ apiServer: world.plane.apiServer, clusterDir: world.plane.dir });
  const { username, kubeconfig } = await world.account(name, proxy);
  const start = () => new OperatorProcess({ ...world, kubeconfig, identity: name });
  return { username, proxy, start, process: start() };
}

const warm = ({ process }: Replica) => until('warm caches', async () => (await process.ask('/readyz')).status === 200, { within: 30_000 });

const quota = () => world.cluster.get(kinds.resourceQuotas, { name: 'tenant', namespace: `tenant-${tenant}` });

const by =
  ({ username }: Replica): Which =>
  (write) =>
    write.by === username;
/** When this replica last wrote so. */
const lastBy = (writes: readonly AuditedWrite[], replica: Replica, what: Which = () => true): number =>
  lastOf(writes, (write) => by(replica)(write) && what(write));

const lossMessage = 'Lost leadership';
const lostOnceMore = ({ process }: Replica, losses: number, within: number) =>
  until('it to notice', () => Promise.resolve(process.count(lossMessage) > losses), { within, every: 10 });

/** The one that led comes back as a standby. */
async function swap(): Promise<void> {
  [leader, standby] = [standby, leader];
  standby.process = standby.start();
  await warm(standby);
}

test('a leader that is stopped lets go, and the other acts within 2 seconds', async () => {
  const log = await AuditLog.from(world.plane.auditLog);
  const told = Date.now();
  leader.process.signal('SIGTERM');
  const { writes, leads, acts } = await handover(log, by(standby), 20_000);
  const released = lastBy(writes, leader, isLease);
  console.log(
    `stopped: released after ${released - told} ms, led again after ${leads.getTime() - told} ms, acts after ${acts.getTime() - told} ms`,
  );
  expect(lastBy(writes, leader, isWork)).toBeLessThanOrEqual(released);
  expect(acts.getTime() - released).toBeLessThanOrEqual(timings.retry);
  await leader.process.ended();
  await swap();
});

test('a leader that is killed is followed by the other, which acts within 17 seconds, and not while its lease lasts', async () => {
  const log = await AuditLog.from(world.plane.auditLog);
  await sleep(timings.retry); // at least one renewal is seen
  await leader.process.kill();
  const killed = Date.now();
  const { writes, leads, acts } = await handover(log, by(standby), 30_000);
  const renewed = lastBy(writes, leader, isLease);
  const [led, acted] = [leads.getTime() - killed, acts.getTime() - killed];
  console.log(`killed: led again after ${led} ms, ${leads.getTime() - renewed} ms after the last renewal; acts after ${acted} ms`);
  expect(acted).toBeLessThanOrEqual(timings.lease + timings.retry);
  expect(leads.getTime() - renewed).toBeGreaterThanOrEqual(timings.lease);
  await swap();
});

test('a leader that was frozen until another led writes nothing when it thaws, and stands by', async () => {
  const log = await AuditLog.from(world.plane.auditLog);
  const losses = leader.process.count(lossMessage);
  leader.process.signal('SIGSTOP');
  const frozen = Date.now();
  const { leads } = await handover(log, by(standby), 30_000);
  const thawed = Date.now();
  leader.process.signal('SIGCONT');
  await lostOnceMore(leader, losses, 10_000);
  await sleep(1_000);
  const later = (await log.take()).filter(({ by, at }) => by === leader.username && at.getTime() >= thawed);
  console.log(`frozen: led again after ${leads.getTime() - frozen} ms; thawed at ${thawed - frozen} ms`);
  expect(later.map(({ what }) => what)).toEqual([]);
  expect(leader.process.running).toBe(true);
  [leader, standby] = [standby, leader];
});

test('a leader that is cut off from the API server stops writing by its renew deadline, before the other begins', async () => {
  const log = await AuditLog.from(world.plane.auditLog);
  await sleep(timings.retry);
  const heal = leader.proxy.partition();
  const cut = Date.now();
  const lost = lostOnceMore(leader, leader.process.count(lossMessage), 20_000);
  const [{ writes, leads }, silent] = await Promise.all([handover(log, by(standby), 30_000), lost.then(() => Date.now())]);
  heal();
  const renewed = lastBy(writes, leader, isLease);
  await sleep(500);
  const last = lastBy([...writes, ...(await log.take())], leader);
  console.log(`cut off: silent after ${silent - cut} ms, led again after ${leads.getTime() - cut} ms; last write ${last - cut} ms`);
  expect(silent).toBeLessThan(leads.getTime());
  expect(last).toBeLessThan(Math.min(leads.getTime(), renewed + timings.renewDeadline));
  expect(leads.getTime() - renewed).toBeGreaterThanOrEqual(timings.lease);
  expect(leader.process.running).toBe(true);
  [leader, standby] = [standby, leader];
});

test('a leader whose connections all fall silent goes on to lead over new ones', async () => {
  const losses = leader.process.count(lossMessage);
  leader.proxy.halfOpen();
  const log = await AuditLog.from(world.plane.auditLog);
  await sleep(timings.renewDeadline + timings.retry);
  const leases = (await log.take()).filter(isLease);
  expect([...new Set(leases.map(({ by }) => by))]).toEqual([leader.username]);
  expect(leader.process.running).toBe(true);
  expect(leader.process.count(lossMessage)).toBe(losses);
});
