/**
 * Two replicas, one of which leads: the API server's audit log tells who wrote what and when. The bounds are the lease's own: 2 s between two
 * looks at it, 10 s after which a leader that cannot renew is silent, 15 s for which a silent one is respected.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import * as kinds from '../../../operator/src/kinds.ts';
import { leaseName } from '../../../operator/src/start.ts';
import { until } from '../../e2e/support/until.ts';
import { AuditLog, type AuditedWrite } from '../../state/audit.ts';
import { className, openBareWorld, type BareWorld } from '../support/control-plane.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { UnrulyProxy } from '../support/unruly-proxy.ts';

const retryMs = 2_000;
const renewDeadlineMs = 10_000;
const leaseMs = 15_000;
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
let edits: { readonly stop: () => Promise<void> };
beforeAll(async () => {
  world = await openBareWorld('lead');
  leader = await replica('replica-a');
  await leader.process.leads();
  standby = await replica('replica-b');
  await warm(standby);
  await world.cluster.create(kinds.tenants, { metadata: { name: tenant }, spec: { classRef: { name: className } } });
  await until('its quota', () => quota(), { within: 30_000 });
  edits = editOn();
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

/** There is always something to do, so that whoever leads writes. */
function editOn(): { readonly stop: () => Promise<void> } {
  const ending = new AbortController();
  const work = (async () => {
    for (let pods = 10; !ending.signal.aborted; pods = pods === 20 ? 10 : pods + 1) {
      await world.cluster.patch(kinds.tenants, { name: tenant }, { spec: { quota: { pods } } });
      await sleep(150);
    }
  })();
  return {
    stop: async () => {
      ending.abort();
      await work;
    },
  };
}

const isLease = ({ resource, name, code }: AuditedWrite): boolean => resource === 'leases' && name === leaseName && code < 300;
const isWork = ({ resource }: AuditedWrite): boolean => resource !== 'leases';

interface Handover {
  readonly writes: readonly AuditedWrite[];
  /** When the other replica got the lease, and when it wrote for the first time. */
  readonly leads: Date;
  readonly acts: Date;
}

/** What is written from `log`'s beginning until the standby has begun to act. */
async function handover(log: AuditLog, within: number): Promise<Handover> {
  const writes: AuditedWrite[] = [];
  const of = (what: (write: AuditedWrite) => boolean) => writes.find((write) => write.by === standby.username && what(write));
  await until(
    'the other replica to act',
    async () => {
      writes.push(...(await log.take()));
      return of(isLease) !== undefined && of(isWork) !== undefined;
    },
    { within, every: 20 },
  );
  const [lease, work] = [of(isLease), of(isWork)];
  if (!lease || !work) throw new Error('the other replica did nothing');
  return { writes, leads: lease.at, acts: work.at };
}

const lastOf = (writes: readonly AuditedWrite[], by: string, what: (write: AuditedWrite) => boolean): number =>
  Math.max(...writes.filter((write) => write.by === by && what(write)).map(({ at }) => at.getTime()));

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
  const { writes, leads, acts } = await handover(log, 20_000);
  const released = lastOf(writes, leader.username, isLease);
  console.log(
    `stopped: released after ${released - told} ms, led again after ${leads.getTime() - told} ms, acts after ${acts.getTime() - told} ms`,
  );
  expect(lastOf(writes, leader.username, isWork)).toBeLessThanOrEqual(released);
  expect(leads.getTime() - released).toBeLessThanOrEqual(retryMs);
  await leader.process.ended();
  await swap();
});

test('a leader that is killed is followed within 17 seconds, and not while its lease lasts', async () => {
  const log = await AuditLog.from(world.plane.auditLog);
  await sleep(retryMs); // at least one renewal is seen
  await leader.process.kill();
  const killed = Date.now();
  const { writes, leads } = await handover(log, 30_000);
  const renewed = lastOf(writes, leader.username, isLease);
  console.log(`killed: led again after ${leads.getTime() - killed} ms, ${leads.getTime() - renewed} ms after the last renewal`);
  expect(leads.getTime() - killed).toBeLessThanOrEqual(leaseMs + retryMs);
  expect(leads.getTime() - renewed).toBeGreaterThanOrEqual(leaseMs);
  await swap();
});

test('a leader that was frozen until another led writes nothing when it thaws, and stands by', async () => {
  const log = await AuditLog.from(world.plane.auditLog);
  const losses = leader.process.count(lossMessage);
  leader.process.signal('SIGSTOP');
  const frozen = Date.now();
  const { leads } = await handover(log, 30_000);
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
  await sleep(retryMs);
  const heal = leader.proxy.partition();
  const cut = Date.now();
  const lost = lostOnceMore(leader, leader.process.count(lossMessage), 20_000);
  const [{ writes, leads }, silent] = await Promise.all([handover(log, 30_000), lost.then(() => Date.now())]);
  heal();
  const renewed = lastOf(writes, leader.username, isLease);
  await sleep(500);
  const last = lastOf([...writes, ...(await log.take())], leader.username, () => true);
  console.log(`cut off: silent after ${silent - cut} ms, led again after ${leads.getTime() - cut} ms; last write ${last - cut} ms`);
  expect(silent).toBeLessThan(leads.getTime());
  expect(last).toBeLessThan(Math.min(leads.getTime(), renewed + renewDeadlineMs));
  expect(leads.getTime() - renewed).toBeGreaterThanOrEqual(leaseMs);
  expect(leader.process.running).toBe(true);
  [leader, standby] = [standby, leader];
});

test('a leader whose connections all fall silent goes on to lead over new ones', async () => {
  const losses = leader.process.count(lossMessage);
  leader.proxy.halfOpen();
  const log = await AuditLog.from(world.plane.auditLog);
  await sleep(renewDeadlineMs + retryMs);
  const leases = (await log.take()).filter(isLease);
  expect([...new Set(leases.map(({ by }) => by))]).toEqual([leader.username]);
  expect(leader.process.running).toBe(true);
  expect(leader.process.count(lossMessage)).toBe(losses);
});
