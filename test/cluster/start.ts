import { join } from 'node:path';
import { addressesOf, type Addresses } from './addresses.ts';
import { ClusterError } from './errors.ts';
import { addRoutes, claimSlot } from './link.ts';
import { withLock } from './lock.ts';
import { awaitComponents } from './machine/events.ts';
import { launch, prepareDirectory } from './machine/launch.ts';
import type { Plan } from './machine/plan.ts';
import { identityOf, isAlive } from './machine/process.ts';
import { checkName, lockFile, ownerOf } from './names.ts';
import { clusterDir } from './paths.ts';
import { buildPrograms, type Builds } from './programs/build.ts';
import type { ModuleName } from './programs/modules.ts';
import type { Progress } from './progress.ts';
import { readRecord, writeRecord, type ClusterRecord } from './record.ts';
import { remove, stopButKeepFiles } from './stop.ts';

/** A slow disk or a busy machine may take a minute; more is a fault. */
const bootWithin = 90_000;

export interface StartOptions {
  readonly name: string;
  readonly kind: ClusterRecord['kind'];
  readonly programs: readonly ModuleName[];
  readonly progress: Progress;
  /** Id of the process with which the machine ends, however that ends. Default: it outlives whoever starts it. */
  readonly keeper?: number;
  /** Writes what the components read, into the cluster's directory. */
  readonly prepare: (dir: string, addresses: Addresses) => Promise<void>;
  readonly plan: (dir: string, addresses: Addresses) => Pick<Plan, 'setup' | 'components' | 'forward'>;
  /** Work that need not wait for all components. The signal aborts when one of them fails. */
  readonly meanwhile?: (started: Started, signal: AbortSignal) => Promise<void>;
  /** What must also be done before the cluster counts as started; begins when all components are ready and `meanwhile` is done. */
  readonly finish?: (started: Started) => Promise<void>;
}

export interface Started {
  readonly name: string;
  readonly dir: string;
  readonly addresses: Addresses;
  /** The machine's first process, as this machine numbers it. */
  readonly pid: number;
  readonly builds: Builds;
}

/**
 * Starts a machine and waits for its components. Returns at once when it already runs; one that is half there is removed first.
 * When the start fails the machine is stopped, and its directory stays so that the logs can be read.
 */
export async function start(options: StartOptions): Promise<Started> {
  checkName(options.name);
  if (process.platform !== 'linux') throw new ClusterError('not_linux');
  if (process.getuid?.() !== 0) throw new ClusterError('not_root');
  const builds = await buildPrograms(options.programs, options.progress);
  return withLock(lockFile(options.name), async () => (await running(options.name, builds)) ?? (await boot(options, builds)));
}

async function running(name: string, builds: Builds): Promise<Started | undefined> {
  const dir = clusterDir(name);
  const known = await readRecord(dir);
  if (!known?.complete || !known.machine || !(await isAlive(known.machine))) return undefined;
  return { name, dir, addresses: addressesOf(known.slot), pid: known.machine.pid, builds };
}

async function boot(options: StartOptions, builds: Builds): Promise<Started> {
  await remove(options.name);
  try {
    return await bootFromNothing(options, builds);
  } catch (error) {
    await stopButKeepFiles(options.name);
    throw error;
  }
}

async function bootFromNothing(options: StartOptions, builds: Builds): Promise<Started> {
  const { name, kind, progress } = options;
  const dir = clusterDir(name);
  await prepareDirectory(dir);
  const addresses = await claimSlot(ownerOf(name));
  const keeper = options.keeper === undefined ? {} : { keeper: await identityOf(options.keeper) };
  const record = { name, kind, slot: addresses.slot, complete: false, ...keeper };
  await writeRecord(dir, record);
  await options.prepare(dir, addresses);
  const plan = planOf(options, dir, addresses);
  const machine = await launch(dir, plan, builds);
  await writeRecord(dir, { ...record, machine });
  await addRoutes(addresses);
  const started = { name, dir, addresses, pid: machine.pid, builds };
  await both(
    () => awaitComponents({ dir, machine, components: plan.components, progress, within: bootWithin }),
    (signal) => options.meanwhile?.(started, signal) ?? Promise.resolve(),
  );
  await options.finish?.(started);
  await writeRecord(dir, { ...record, machine, complete: true });
  return started;
}

/** Does two things at a time. The failure of the first aborts the second and is the one reported. */
async function both(first: () => Promise<void>, second: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const failed = new AbortController();
  const running = second(failed.signal);
  const outcome = Promise.allSettled([running]);
  try {
    await first();
  } catch (error) {
    failed.abort();
    await outcome;
    throw error;
  }
  await running;
}

function planOf(options: StartOptions, dir: string, addresses: Addresses): Plan {
  return {
    owner: ownerOf(options.name),
    hostname: 'node',
    log: join(dir, 'log', 'init.log'),
    events: join(dir, 'log', 'events.ndjson'),
    link: addresses.nodeLink,
    ...(options.keeper !== undefined && { keeper: options.keeper }),
    ...options.plan(dir, addresses),
  };
}
