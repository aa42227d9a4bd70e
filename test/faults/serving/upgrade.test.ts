/**
 * `helm upgrade` to a next version and `helm rollback`, with tenants serving: another chart version, a changed resource definition, and other
 * image tags, so that every pod of Cloister and every agent is replaced, twice.
 */
import { namespaces } from '@cloister/tenancy';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { tagImage } from '../../cluster/images/load.ts';
import { chart, helmOn, release, revisionOf } from '../../e2e/support/helm.ts';
import { createTenant, deleteTenant, isReady, type LiveTenant } from '../../e2e/support/tenants.ts';
import { until } from '../../e2e/support/until.ts';
import { openWorld, type World } from '../../e2e/support/world.ts';
import { AuditLog } from '../../state/audit.ts';
import { listenTo, startCallers, type Callers } from './callers.ts';
import { watchEndings, type Ending } from './endings.ts';
import { processesOf } from './parts.ts';

const names = ['upgrade-a', 'upgrade-b'] as const;
const operator = `system:serviceaccount:${namespaces.system}:operator`;
const images = ['operator', 'gateway', 'agentRuntime'] as const;
const patience = { within: 180_000, every: 200 };
/** What a next version might change in a resource definition: kubectl explain shows it. */
const [wordsNow, wordsNext] = ['For people.', 'For people, in the next version.'] as const;

let world: World;
let tenants: readonly LiveTenant[];
let folder: string;
beforeAll(async () => {
  world = await openWorld();
  folder = await mkdtemp(join(tmpdir(), 'cloister-next-'));
  tenants = await Promise.all(names.map((name) => createTenant(world, { name, agent: { replicas: 2 } })));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await Promise.all(names.map((name) => deleteTenant(world, name)));
});

const helm = (...args: readonly string[]) => helmOn(world, ...args);

const installed = z.object({
  images: z.record(z.string(), z.unknown()).and(z.object({ registry: z.string() })),
});
const tagged = z.looseObject({ tag: z.string() });
const repositories = { operator: 'operator', gateway: 'gateway', agentRuntime: 'agent-runtime' } as const;

/** The same programs under the tags of a next version. Returns the values that name them. */
async function nextImages(): Promise<string[]> {
  const values = installed.parse(JSON.parse(await helm('get', 'values', release, '-o', 'json')));
  const settings: string[] = [];
  for (const image of images) {
    const { tag } = tagged.parse(values.images[image]);
    const name = `${values.images.registry}/${repositories[image]}`;
    await tagImage(world.cluster.pid, `${name}:${tag}`, `${name}:${tag}-next`);
    settings.push('--set', `images.${image}.tag=${tag}-next`);
  }
  return settings;
}

/** The chart of a next version. */
async function nextChart(): Promise<string> {
  const next = join(folder, 'cloister');
  await cp(chart, next, { recursive: true });
  const edit = async (file: string, from: string | RegExp, to: string) => {
    const text = await readFile(join(next, file), 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${file} has nothing like ${String(from)}`);
    await writeFile(join(next, file), changed);
  };
  await edit('Chart.yaml', /^version: .*$/m, 'version: 99.0.0');
  await edit('files/crds/tenants.yaml', wordsNow, wordsNext);
  return next;
}

const definition = () => world.kubectl.run(['get', 'crd', 'tenants.cloister.dev', '-o', 'json']);

/** Everything is as the release wants it: all pods replaced, tenants Ready, nothing left to write. */
async function settled(imageSuffix: RegExp): Promise<void> {
  for (const { namespace } of [...tenants, { namespace: namespaces.system }]) {
    await until(
      `pods of the version in ${namespace}`,
      async () => {
        const deployments = await world.kubectl.list('pods', ['-n', namespace]);
        return deployments.every((pod) => pod.metadata['deletionTimestamp'] === undefined && imageSuffix.test(JSON.stringify(pod.spec)));
      },
      patience,
    );
  }
  await until(
    'tenants to be Ready',
    async () => (await Promise.all(names.map((name) => world.kubectl.get('tenant', name)))).every((tenant) => isReady(tenant)),
    patience,
  );
  await sleep(2_000);
  const log = await AuditLog.from(world.cluster.auditLog);
  const before = await toldButUsage();
  await sleep(3_000);
  const written = (await log.take()).filter(({ by, resource }) => by === operator && resource !== 'leases').map(({ what }) => what);
  // Callers go on, and once a minute the status says what they have used.
  expect(written.filter((what) => !names.some((name) => what === `patch tenants/status /${name}`))).toEqual([]);
  expect(await toldButUsage()).toEqual(before);
}

const toldButUsage = () =>
  Promise.all(names.map(async (name) => ({ ...(await world.kubectl.get('tenant', name))?.status, usage: undefined })));

/** Words, so half a minute. */
const long = 600;
/** Callers of long streams, whose first ones are shorter: so whenever a pod is told to end, somebody's stream has begun less than five seconds ago. */
const startPatient = (count = 6): Callers[] =>
  Array.from({ length: count }, (_, turn) => {
    let words = (long * (turn + 1)) / count;
    return startCallers(tenants, 1, (tenant) => {
      const listening = listenTo(words)(tenant);
      words = long;
      return listening;
    });
  });

/** Seconds for which a pod on which no long stream is under way lives at most: it is drained, then a short one ends, then the kubelet notices. */
const shortEnd = { edge: 10 + 8, egress: 10 + 8, agent: 6 + 8 };

const outlasted = (endings: readonly Ending[]) =>
  Object.fromEntries(
    Object.entries(shortEnd).map(([part, seconds]) => [part, endings.filter((one) => one.part === part && one.seconds > seconds).length]),
  );

test(
  'an upgrade and a rollback replace every pod, no caller is refused anything, and no stream is cut off, be it much longer than a drain',
  { timeout: 480_000 },
  async () => {
    const before = await processesOf(world);
    const revision = await revisionOf(world);
    const callers = startCallers(tenants, 2);
    const listeners = startCallers(tenants, 2, listenTo(80));
    const patient = startPatient();
    const watched = watchEndings(
      world,
      tenants.map(({ namespace }) => namespace),
    );
    await helm('upgrade', release, await nextChart(), '--reset-then-reuse-values', ...(await nextImages()), '--wait', '--timeout', '3m');
    await settled(/-next"/);
    expect(await definition()).toContain(wordsNext);
    const upgraded = callers.calls.answered;

    await helm('rollback', release, revision, '--wait', '--timeout', '3m');
    const lastLong = Promise.all(patient.map((caller) => caller.stop()));
    await settled(/^(?!.*-next")/s);
    expect(await definition()).not.toContain(wordsNext);
    const [{ answered, failures }, streams, longOnes, endings] = await Promise.all([
      callers.stop(),
      listeners.stop(),
      lastLong,
      watched.stop(),
    ]);
    const heard = longOnes.reduce((sum, { answered }) => sum + answered, 0);
    const late = outlasted(endings);
    console.log(`${upgraded} answers through the upgrade, ${answered - upgraded} through the rollback`);
    console.log(`${streams.answered} whole streams, ${heard} of half a minute; ${JSON.stringify(late)} pods went on beyond their drain`);
    expect([...failures, ...streams.failures, ...longOnes.flatMap((one) => one.failures)]).toEqual([]);
    expect(streams.answered).toBeGreaterThan(0);
    expect(Math.min(...Object.values(late))).toBeGreaterThan(0);
    const after = await processesOf(world);
    expect(after.filter((process) => before.includes(process))).toEqual([]);
  },
);
