/**
 * `make test`: everything that must pass, on clusters of its own, which are gone afterwards whatever happens.
 *
 * Flow: static checks and unit tests while the cluster starts → Cloister is installed as `make up` does it → three at once: nobody touches what is
 * installed for seven minutes, and it must write nothing; tests against bare API servers (one for all, one that the model of it is compared with
 * and nobody else may touch), then operators and egress on servers that break, each of these with a Postgres and a Redis of their own; the simulation, which
 * takes what time the others leave → end-to-end and isolation tests, those that measure time last → what goes away, and upgrades, under the installed
 * Cloister. Every step runs even if one before it failed, unless it needs that one.
 * The last line is the count over everything; the exit code is 1 unless all passed.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  clusterStatus,
  startCluster,
  startControlPlane,
  startStores,
  stopCluster,
  stopOrphans,
  type Cluster,
  type Stores,
} from '../cluster/index.ts';
import { Progress } from '../cluster/progress.ts';
import { repository } from '../cluster/paths.ts';
import { staticChecks, suites, type Check, type Suite } from './checks.ts';
import { countReport, failuresIn, oneFailed, onePassed, parseBrokenSetUps, sum, summary, type Counts } from './counts.ts';
import { endCommands, runLogged } from './process.ts';

const names = { cluster: 'test', api: 'test-api', model: 'test-model', stores: 'test-stores' } as const;
const reports = join(repository, '.cluster', 'reports');
const progress = new Progress((line) => console.log(line));
const results: { name: string; counts: Counts }[] = [];
/** Repeated at the end, where whoever has only the end of the output finds them. */
const failures: string[] = [];

function record(name: string, counts: Counts): void {
  results.push({ name, counts });
  progress.say(`${name}: ${summary(counts)}`);
}

async function check({ name, command }: Check): Promise<boolean> {
  const { code, tail } = await runLogged(command, { log: join(reports, `${name}.log`) });
  if (code !== 0) console.log(tail);
  record(name, code === 0 ? onePassed : oneFailed);
  return code === 0;
}

const vitest = (name: Suite): [string, ...string[]] => ['vitest', 'run', '--project', name, `--outputFile.json=${reportOf(name)}`];
const reportOf = (name: Suite): string => join(reports, `${name}.json`);
const setUpsOf = (name: Suite): string => join(reports, `${name}.set-ups.json`);

async function suite(name: Suite, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await runLogged(vitest(name), { log: join(reports, `${name}.log`), env: { ...env, CLOISTER_SET_UPS: setUpsOf(name) }, echo: true });
  await recordSuite(name);
}

/** Beside others: shown once it is over. */
async function suiteAside(
  name: Suite,
  { env = {}, through = [] }: { env?: Readonly<Record<string, string>>; through?: string[] },
): Promise<void> {
  const [program = '', ...args] = [...through, ...vitest(name)];
  const { code, tail } = await runLogged([program, ...args], {
    log: join(reports, `${name}.log`),
    env: { ...env, CLOISTER_SET_UPS: setUpsOf(name) },
  });
  if (code !== 0) console.log(tail);
  await recordSuite(name);
}

async function recordSuite(name: Suite): Promise<void> {
  const text = await readFile(reportOf(name), 'utf8').catch(() => undefined);
  record(name, text === undefined ? oneFailed : countReport(text));
  const setUps = await readFile(setUpsOf(name), 'utf8').then(parseBrokenSetUps, () => []);
  if (text !== undefined) failures.push(...failuresIn(text, setUps).map((failure) => `${name}: ${failure.replace(`${repository}/`, '')}`));
}

/** Nobody is left to read a rejected step's reason later, so it is told here. */
async function attempt<T>(name: string, step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    console.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    record(name, oneFailed);
    return undefined;
  }
}

async function stopAll(): Promise<void> {
  for (const name of Object.values(names)) await attempt(`stop of cluster ${name}`, () => stopCluster(name));
  await attempt('stop of what was cut off', stopOrphans);
}

async function clusterTier(cluster: Cluster): Promise<void> {
  await withStores(async (stores) => {
    const api = await attempt('bare API server', () => startControlPlane({ name: names.api, progress }));
    const model = await attempt('API server for the model', () => startControlPlane({ name: names.model, progress }));
    if (!api || !model) return;
    await suite('cluster', {
      CLOISTER_TEST_CLUSTER: names.cluster,
      CLOISTER_TEST_KUBECONFIG: api.kubeconfig,
      CLOISTER_TEST_MODEL_KUBECONFIG: model.kubeconfig,
      CLOISTER_TEST_CONTROLLERS_KUBECONFIG: cluster.kubeconfig,
      ...stores,
    });
  });
  for (const name of [names.api, names.model]) await attempt(`stop of cluster ${name}`, () => stopCluster(name));
}

/** With a Postgres and a Redis that hold nothing yet, which end with it. */
async function withStores(work: (env: Readonly<Record<string, string>>) => Promise<void>): Promise<void> {
  const data = await attempt('Postgres and Redis', () => startStores({ name: names.stores, progress }));
  if (data) await work(dataEnv(data));
  await attempt(`stop of cluster ${names.stores}`, () => stopCluster(names.stores));
}

const dataEnv = ({ postgres: { host, port, user, password, database }, redis }: Stores) => ({
  CLOISTER_TEST_POSTGRES_URL: `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${database}`,
  CLOISTER_TEST_REDIS_URL: redis.url,
});

async function everything(): Promise<void> {
  const boot = attempt('cluster', () => startCluster({ name: names.cluster, progress }));
  for (const one of staticChecks) await check(one);
  await suite('unit');
  const cluster = await boot;
  const installed = cluster !== undefined && (await install());
  const env = { CLOISTER_TEST_CLUSTER: names.cluster };
  await Promise.all([
    installed ? suiteAside('rest', { env }) : undefined,
    onBareAPIServers(cluster),
    suiteAside('simulation', { through: ['nice', '-n', '15'] }), // time is made up in it
  ]);
  if (!installed) return;
  for (const name of ['e2e', 'timing'] as const) await suite(name, env);
  await suite('serving', env); // last: it takes the cluster apart
}

async function onBareAPIServers(cluster: Cluster | undefined): Promise<void> {
  if (cluster) await clusterTier(cluster);
  await withStores((env) => suite('faults', env));
}

async function install(): Promise<boolean> {
  if (await check({ name: 'installation', command: ['node', 'test/product/cli.ts', 'up', '--name', names.cluster] })) return true;
  if (!(await clusterStatus(names.cluster))) progress.say('the cluster did not survive the installation');
  return false;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endCommands();
    void stopAll().finally(() => process.exit(1));
  });
}

await rm(reports, { recursive: true, force: true });
await mkdir(reports, { recursive: true });
await stopAll(); // what a run that was cut off left behind
await attempt('test run', everything);
await stopAll();
console.log('');
for (const failure of failures) console.log(`  FAILED ${failure}`);
for (const { name, counts } of results) console.log(`  ${name}: ${summary(counts)}`);
const ran = new Set(results.map(({ name }) => name));
const missing = suites.filter((name) => !ran.has(name));
for (const name of missing) console.log(`  ${name}: did not run`);
const total = sum([...results.map(({ counts }) => counts), ...missing.map(() => oneFailed)]);
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(summary(total));
