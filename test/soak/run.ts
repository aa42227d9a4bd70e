/**
 * `make soak`: people change tenants and things break, at random, for hours, on a real cluster of its own. MINUTES (60) and SEED set it.
 * CLOISTER_TEST_CLUSTER names an embedded cluster that has Cloister already; it is used instead, and left running.
 *
 * Flow of a round: changes while one or two faults strike → all tenants come to what their specs say → a quiet window. Checked all the time:
 * two tenants that nobody touches are answered, streams to their end, and see nothing of each other; of two others the budget and the limits hold, and
 * the ledger says what the answers said; in quiet windows nothing is written; no process restarts but by a fault that ended it; none grows. After every
 * fourth round one of the suites that explore by chance runs with a fresh seed.
 * Exit code 1 when any of it did not hold. The report is in .cluster/reports/soak-<seed>.txt from the first round on, and printed at the end.
 */
import { namespaceOf, namespaces } from '@cloister/tenancy';
import { connect, type Cluster as Connection } from 'kube-runtime';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt, run } from '../cluster/command.ts';
import { stopCluster } from '../cluster/index.ts';
import { repository } from '../cluster/paths.ts';
import { conditionOf, type AnyObject } from '../e2e/support/kubectl.ts';
import { createTenant, isReady, offlineModel, testClassName, type LiveTenant } from '../e2e/support/tenants.ts';
import { until } from '../e2e/support/until.ts';
import { countsWithoutRedis } from '../e2e/support/load-generator.ts';
import { openWorld, type World } from '../e2e/support/world.ts';
import { ask, listenTo, startCallers, type Callers } from '../faults/serving/callers.ts';
import { agentConfigsCounted } from '../state/agents-counted.ts';
import { AuditLog } from '../state/audit.ts';
import { perform } from '../state/perform.ts';
import { chosenSeed, randomFrom } from '../state/random.ts';
import { smallRequests, Workload } from '../state/workload.ts';
import { faults, restartsOperator } from './faults.ts';
import { freshSeed, stopSuite } from './fresh-seeds.ts';
import { Metered } from './metered.ts';
import { leaksBetween } from './probe.ts';
import { Processes } from './processes.ts';
import { reportOf } from './report.ts';
import type { Span } from './windows.ts';

const given = process.env['CLOISTER_TEST_CLUSTER'];
const own = 'soak';
const minutes = Number(process.env['MINUTES'] ?? 60);
const seed = chosenSeed();
const random = randomFrom(seed);
const quietMs = 5_000;
const convergesWithin = 240_000;
const roundsPerSuite = 4;
const operator = `system:serviceaccount:${namespaces.system}:operator`;

const reports = join(repository, '.cluster', 'reports');
const reportFile = join(reports, `soak-${seed}.txt`);
const began = new Date().toISOString();
/** Once all is installed. */
let soakingSince = performance.now();
const elapsed = (): number => (performance.now() - soakingSince) / 60_000;

const say = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
const violations: string[] = [];
function violated(what: string): void {
  say(`VIOLATION ${what}`);
  violations.push(`${new Date().toISOString()} ${what}`);
}

/** Callers use budgets all the time, and each look at that is a write: it would not be at rest, as it should be, when it is looked at. */
const seldom = 86_400;

const cutOff = new AbortController();
const stopOwn = (): Promise<void> => (given === undefined ? stopCluster(own) : Promise.resolve());

/**
 * Two of each part, as in production: none of the faults may then cost a request. And an operator that the machine cannot starve, whose
 * restart by a probe would say nothing about it. All of it has to fit one node of two processors, with room for what takes another's place.
 */
async function install(): Promise<World> {
  if (given === undefined) {
    await stopOwn();
    await run('node', ['test/product/cli.ts', 'up', '--name', own], { cwd: repository, onLine: (line) => console.log(line) });
    process.env['CLOISTER_TEST_CLUSTER'] = own;
  }
  const world = await openWorld();
  const chart = join(repository, 'charts/cloister');
  const replicas = ['operator', 'edge', 'egress'].flatMap((part) => ['--set', `${part}.replicas=2`]);
  const processors = { operator: '250m', edge: '50m', egress: '50m' };
  const requests = Object.entries(processors).flatMap(([part, cpu]) => ['--set', `${part}.resources.requests.cpu=${cpu}`]);
  const settings = [...replicas, ...requests, '--set', `operator.usageSeconds=${seldom}`];
  const upgrade = [
    'upgrade',
    'cloister',
    chart,
    '-n',
    namespaces.system,
    '--reset-then-reuse-values',
    '--wait',
    '--timeout',
    '3m',
    ...settings,
  ];
  await run(world.cluster.helm, upgrade, { env: { KUBECONFIG: world.cluster.kubeconfig } });
  // The examples' tenants take a quarter of a processor, and nobody asks their agents anything.
  if (given === undefined) await world.kubectl.run(['delete', 'tenants', '--all']);
  return world;
}

interface Soak {
  readonly world: World;
  readonly cluster: Connection;
  readonly healthy: readonly [LiveTenant, LiveTenant];
  readonly callers: readonly Callers[];
  readonly metered: Metered;
  readonly workload: Workload;
}

/** Of what happened so far, and what the report is made of. */
const processes = new Processes();
const counts = { rounds: 0, steps: 0, faults: new Map<string, number>(), answered: { asking: 0, listening: 0, metered: 0 } };
const suites: string[] = [];
const redisAway: Span[] = [];

async function round(soak: Soak): Promise<void> {
  const { world, workload } = soak;
  const [started, alone] = [Date.now(), await countedAlone(world)];
  const busy = new AbortController();
  const striking = strike(soak).finally(() => busy.abort());
  while (!busy.signal.aborted) {
    await perform(soak.cluster, workload.next());
    counts.steps++;
    await sleep(random.between(0, 1_500));
  }
  await striking;
  await converge(soak);
  await quiet(soak);
  const [first, second] = soak.healthy;
  for (const leak of [...(await leaksBetween(first, second)), ...(await leaksBetween(second, first))]) violated(leak);
  // A replica of edge that waited too long for Redis has counted by itself; one that was replaced has forgotten whether it did.
  if ((await countedAlone(world)) !== alone) redisAway.push({ started, ended: Date.now() });
  for (const wrong of await soak.metered.look(redisAway)) violated(wrong);
  await processes.sample(world);
  counts.rounds++;
}

/** A replica that is being replaced may be listed and gone. */
const countedAlone = (world: World): Promise<number> =>
  until('each replica of edge to tell how often it counted by itself', () => countsWithoutRedis(world), { within: 30_000, every: 500 });

async function strike({ world, workload, metered }: Soak): Promise<void> {
  for (let left = random.between(1, 2); left > 0; left--) {
    await sleep(random.between(0, 4_000));
    const [chosen, fault] = random.pick(Object.entries(faults));
    counts.faults.set(chosen, (counts.faults.get(chosen) ?? 0) + 1);
    const tenants = workload.tenants.length > 0 ? workload.tenants : ['none'];
    if (chosen === 'Postgres away') metered.ledgerAway = true;
    const started = Date.now();
    // Whatever comes of a fault, the soak goes on, and its report is written.
    const what = await fault({ world, random, tenants }).catch((error: unknown) => {
      violated(`${chosen}: ${error instanceof Error ? error.message : String(error)}`);
      return 'was not over as it should be';
    });
    if (chosen === 'Redis away') redisAway.push({ started, ended: Date.now() });
    say(`${chosen} ${what}`);
  }
}

/** Every tenant and agent there should be has got where its spec says, and nothing else is left. */
async function converge({ world, workload }: Soak): Promise<void> {
  const began = performance.now();
  let missing = 'nothing was looked at';
  const look = async (): Promise<boolean> => {
    const tenants = await world.kubectl.list('tenants');
    const ours = tenants.filter(({ metadata }) => metadata.name.startsWith('soak-w'));
    const wanted = JSON.stringify(workload.tenants);
    const there = JSON.stringify(ours.map(({ metadata }) => metadata.name).sort());
    const left = (await world.kubectl.list('namespaces')).filter(({ metadata }) => metadata.name.startsWith(namespaceOf('soak-w')));
    const agents = await world.kubectl.list('agentconfigs', ['--all-namespaces']);
    const late = tenants.find((tenant) => !isReady(tenant)) ?? agents.find(isUnderWay);
    missing =
      there !== wanted
        ? `tenants ${there}, wanted ${wanted}`
        : late
          ? `${late.metadata.name} is ${JSON.stringify(late.status?.conditions)}`
          : '';
    const going = left.find(({ metadata }) => metadata.deletionTimestamp !== undefined);
    if (going) missing ||= `namespace ${going.metadata.name} is being deleted`;
    return missing === '' && left.length === ours.length;
  };
  try {
    await until('all tenants to be as wanted', look, { within: convergesWithin, every: 500 });
    say(`converged after ${Math.round(performance.now() - began)} ms`);
  } catch {
    violated(`not converged within ${convergesWithin / 1000} s: ${missing}`);
  }
}

/** A tenant is Ready while pods of the revision before serve: a rollout goes on, and is told of, until its agent says so. */
const isUnderWay = (agent: AnyObject): boolean =>
  conditionOf(agent, 'Ready')?.observedGeneration !== agent.metadata.generation || conditionOf(agent, 'Reconciling')?.status === 'True';

async function quiet(soak: Soak): Promise<void> {
  await sleep(3_000);
  const log = await AuditLog.from(soak.world.cluster.auditLog);
  await sleep(quietMs);
  const written = (await log.take()).filter(({ by, resource }) => by === operator && resource !== 'leases');
  if (written.length > 0) violated(`written at rest: ${written.map(({ what }) => what).join(', ')}`);
}

function checkRestarts(): void {
  const allowed = [...counts.faults].reduce((sum, [fault, count]) => sum + (restartsOperator.has(fault) ? count : 0), 0);
  const restarts = [...processes.restarts.values()].reduce((sum, count) => sum + count, 0);
  if (restarts > allowed) violated(`${restarts} restarts of operator, edge and egress, of which faults explain ${allowed}`);
}

async function soak(world: World): Promise<void> {
  const cluster = await connect({ kubeconfig: world.cluster.kubeconfig, fieldManager: 'soak' });
  const make = (tenant: string) => createTenant(world, { name: tenant, agent: { replicas: 2, resources: smallRequests } });
  const healthy = [await make('soak-a'), await make('soak-b')] as const;
  const tenants = ['soak-w1', 'soak-w2', 'soak-w3'];
  const workload = new Workload({ random, tenants, className: testClassName, model: offlineModel });
  const metered = await Metered.start(world);
  await agentConfigsCounted(world.cluster.kubeconfig);
  const [asking, listening] = [startCallers(healthy, 3, ask), startCallers(healthy, 2, listenTo(80))] as const;
  const callers = [asking, listening];
  soakingSince = performance.now();
  let told = 0;
  const tell = (): void => {
    const failures = callers.flatMap(({ calls }) => calls.failures);
    for (const failure of failures.sort().slice(told)) violated(`a caller failed: ${failure}`);
    told = failures.length;
    counts.answered = { asking: asking.calls.answered, listening: listening.calls.answered, metered: metered.answered };
  };
  while (elapsed() < minutes) {
    await round({ world, cluster, healthy, callers, metered, workload });
    tell();
    say(`round ${counts.rounds}: ${JSON.stringify(counts.answered)} answers, ${violations.length} violations`);
    await writeReport(false);
    if (counts.rounds % roundsPerSuite !== 0) continue;
    const turn = counts.rounds / roundsPerSuite - 1;
    // A suite takes all that the machine has: what is late meanwhile may be refused for it, and is counted by each replica.
    metered.ledgerAway = true;
    const started = Date.now();
    suites.push(
      await freshSeed({ turn, seed: random.between(1, 1e6), directory: join(reports, `soak-${seed}`), violated, signal: cutOff.signal }),
    );
    redisAway.push({ started, ended: Date.now() });
  }
  await Promise.all(callers.map((one) => one.stop()));
  tell();
  for (const wrong of await metered.stop()) violated(wrong);
  checkRestarts();
  for (const grown of processes.grown()) violated(grown);
  await cluster.close();
}

async function writeReport(ended: boolean): Promise<string> {
  const report = reportOf({ seed, revision, began, minutes: elapsed(), ...counts, suites, violations, processes, ended });
  await mkdir(reports, { recursive: true });
  await writeFile(reportFile, report);
  return report;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    cutOff.abort();
    void Promise.allSettled([stopOwn(), stopSuite()]).then(() => process.exit(1));
  });
}

const { stdout: described } = await attempt('git', ['describe', '--always', '--dirty', '--exclude=*'], { cwd: repository });
const revision = described.trim() || 'unknown';
say(`SEED=${seed} MINUTES=${minutes}, revision ${revision}`);
try {
  await soak(await install());
} catch (error) {
  violated(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  console.log(`\n${await writeReport(true)}\n${reportFile}`);
  await stopOwn();
}
process.exitCode = violations.length === 0 ? 0 : 1;
