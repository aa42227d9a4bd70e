/**
 * `make soak`: people change tenants and things break, at random, for hours, on a real cluster of its own. MINUTES (60) and SEED set it.
 * CLOISTER_TEST_CLUSTER names an embedded cluster that has Cloister already; it is used instead, and left running.
 *
 * Flow of a round: changes while one or two faults strike → all tenants come to what their specs say → a quiet window. Checked all the time:
 * two tenants that nobody touches are answered, and see nothing of each other; in quiet windows nothing is written; no process restarts but
 * by a fault that ended it; none grows. A share of the rounds runs the simulation and the API server's model with fresh seeds.
 * Exit code 1 when any of it did not hold; the last lines are the report.
 */
import { namespaceOf, namespaces } from '@cloister/tenancy';
import { connect, type Cluster as Connection } from 'kube-runtime';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../cluster/command.ts';
import { stopCluster } from '../cluster/index.ts';
import { repository } from '../cluster/paths.ts';
import { createTenant, isReady, offlineModel, testClassName, type LiveTenant } from '../e2e/support/tenants.ts';
import { until } from '../e2e/support/until.ts';
import { openWorld, type World } from '../e2e/support/world.ts';
import { startCallers, type Callers } from '../faults/serving/callers.ts';
import { AuditLog } from '../state/audit.ts';
import { perform } from '../state/perform.ts';
import { chosenSeed, randomFrom } from '../state/random.ts';
import { Workload } from '../state/workload.ts';
import { faults, restartsOperator } from './faults.ts';
import { freshSeeds } from './fresh-seeds.ts';
import { leaksBetween } from './probe.ts';
import { Processes } from './processes.ts';
import { reportOf } from './report.ts';

const given = process.env['CLOISTER_TEST_CLUSTER'];
const own = 'soak';
const minutes = Number(process.env['MINUTES'] ?? 60);
const seed = chosenSeed();
const random = randomFrom(seed);
const quietMs = 5_000;
const convergesWithin = 240_000;
const roundsPerSuite = 4;
const operator = `system:serviceaccount:${namespaces.system}:operator`;

const say = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
const violations: string[] = [];
function violated(what: string): void {
  say(`VIOLATION ${what}`);
  violations.push(`${new Date().toISOString()} ${what}`);
}

const stopOwn = (): Promise<void> => (given === undefined ? stopCluster(own) : Promise.resolve());

/**
 * Two of each part, as in production: none of the faults may then cost a request. And an operator that the machine cannot starve, whose
 * restart by a probe would say nothing about it.
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
  const settings = [...replicas, '--set', 'operator.resources.requests.cpu=250m'];
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
  return world;
}

interface Soak {
  readonly world: World;
  readonly cluster: Connection;
  readonly healthy: readonly [LiveTenant, LiveTenant];
  readonly callers: Callers;
  readonly processes: Processes;
  readonly workload: Workload;
  readonly counts: { rounds: number; steps: number; readonly faults: Map<string, number> };
}

async function round(soak: Soak): Promise<void> {
  const { world, counts, workload } = soak;
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
  await soak.processes.sample(world);
  counts.rounds++;
}

async function strike({ world, workload, counts }: Soak): Promise<void> {
  for (let left = random.between(1, 2); left > 0; left--) {
    await sleep(random.between(0, 4_000));
    const [chosen, fault] = random.pick(Object.entries(faults));
    counts.faults.set(chosen, (counts.faults.get(chosen) ?? 0) + 1);
    const tenants = workload.tenants.length > 0 ? workload.tenants : ['none'];
    const what = await fault({ world, random, tenants });
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
    const late = tenants.find((tenant) => !isReady(tenant) && tenant.spec?.['state'] !== 'Suspended');
    missing =
      there !== wanted
        ? `tenants ${there}, wanted ${wanted}`
        : late
          ? `${late.metadata.name} is ${JSON.stringify(late.status?.conditions)}`
          : '';
    return missing === '' && left.length === ours.length;
  };
  try {
    await until('all tenants to be as wanted', look, { within: convergesWithin, every: 500 });
    say(`converged after ${Math.round(performance.now() - began)} ms`);
  } catch {
    violated(`not converged within ${convergesWithin / 1000} s: ${missing}`);
  }
}

async function quiet(soak: Soak): Promise<void> {
  await sleep(3_000);
  const log = await AuditLog.from(soak.world.cluster.auditLog);
  await sleep(quietMs);
  const written = (await log.take()).filter(({ by, resource }) => by === operator && resource !== 'leases');
  if (written.length > 0) violated(`written at rest: ${written.map(({ what }) => what).join(', ')}`);
}

function checkRestarts({ processes, counts }: Soak): void {
  const allowed = [...counts.faults].reduce((sum, [fault, count]) => sum + (restartsOperator.has(fault) ? count : 0), 0);
  const restarts = [...processes.restarts.values()].reduce((sum, count) => sum + count, 0);
  if (restarts > allowed) violated(`${restarts} restarts of operator, edge and egress, of which faults explain ${allowed}`);
}

async function soak(world: World): Promise<void> {
  const cluster = await connect({ kubeconfig: world.cluster.kubeconfig, fieldManager: 'soak' });
  const make = (tenant: string) => createTenant(world, { name: tenant, agent: { replicas: 2 } });
  const healthy = [await make('soak-a'), await make('soak-b')] as const;
  const tenants = ['soak-w1', 'soak-w2', 'soak-w3'];
  const workload = new Workload({ random, tenants, className: testClassName, model: offlineModel });
  const callers = startCallers(healthy);
  const processes = new Processes();
  const counts = { rounds: 0, steps: 0, faults: new Map<string, number>() };
  const all: Soak = { world, cluster, healthy, callers, processes, workload, counts };
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 60_000;
  const suites: string[] = [];
  while (elapsed() < minutes) {
    const failed = callers.calls.failures.length;
    await round(all);
    for (const failure of callers.calls.failures.slice(failed)) violated(`a caller failed: ${failure}`);
    say(`round ${counts.rounds}: ${callers.calls.answered} answers, ${violations.length} violations`);
    if (counts.rounds % roundsPerSuite === 0) suites.push(...(await freshSeeds(random.between(1, 1e6), violated)));
  }
  const { answered } = await callers.stop();
  checkRestarts(all);
  for (const grown of processes.grown()) violated(grown);
  await cluster.close();
  const report = reportOf({ seed, minutes: elapsed(), ...counts, answered, suites, violations, processes });
  const file = join(repository, '.cluster', 'reports', 'soak.txt');
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, report);
  console.log(report);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void stopOwn().finally(() => process.exit(1));
  });
}

say(`SEED=${seed} MINUTES=${minutes}`);
try {
  await soak(await install());
} catch (error) {
  violated(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await stopOwn();
}
process.exitCode = violations.length === 0 ? 0 : 1;
