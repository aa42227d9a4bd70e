import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cgroupOf } from './cgroups.ts';
import { footprint, processesOf, type Footprint } from './footprint.ts';
import { startCluster, startControlPlane, stopCluster, stopOrphans, type Cluster } from './index.ts';
import { isAlive, membersOf, type ProcessIdentity } from './machine/process.ts';
import { clusterDir } from './paths.ts';
import { readRecord } from './record.ts';

const name = 'leaves-nothing';
const minutes = 60_000;

/**
 * Others may start or stop clusters of their own meanwhile: what is named after them is left out. So are groups of 32 hexadecimal digits, which
 * supervisors make for each process that they start; Kubernetes' have words, or 64 digits.
 */
const concurrent =
  /\bclo\d+|10\.77\.|10\.1[0-3]\d\.|cloister[-/](?!leaves-nothing)|^\/tmp\/|^\/run\/buildah|\/vitest|^\/sys\/fs\/cgroup\/.*\/[0-9a-f]{32}$/;

function traces(of: Footprint): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(of).map(([kind, lines]: [string, readonly string[]]) => [kind, lines.filter((line) => !concurrent.test(line)).sort()]),
  );
}

async function linksAndRoutes(cluster: Cluster): Promise<string[]> {
  const { links, routes } = await footprint();
  return [...links, ...routes].filter(
    (line) => line.includes(cluster.hostIP) || line.includes(cluster.podCIDR) || line.includes(cluster.serviceCIDR),
  );
}

afterEach(() => stopCluster(name));

describe('a stopped cluster', () => {
  it('leaves the machine as it was', { timeout: 4 * minutes }, async () => {
    const before = await footprint();
    const cluster = await startCluster({ name });
    expect(await processesOf(cgroupOf(name), cluster.pid)).not.toEqual([]);
    expect(await linksAndRoutes(cluster)).not.toEqual([]);

    await stopCluster(name);
    await expectNothingOf(cluster, before);
  });

  it('leaves nothing even if its first process was killed', { timeout: 4 * minutes }, async () => {
    const before = await footprint();
    const cluster = await startCluster({ name });
    process.kill(cluster.pid, 'SIGKILL');

    await stopCluster(name);
    await expectNothingOf(cluster, before);
  });

  it('is found and stopped even if its directory was removed by hand', async () => {
    await startControlPlane({ name });
    const machine = await machineOf(name);
    await rm(clusterDir(name), { recursive: true });

    await stopCluster(name);
    expect(await isAlive(machine)).toBe(false);
  });

  it('ends with the process that keeps it, even if that is killed', async () => {
    const keeper = spawn('sleep', ['600']);
    await startControlPlane({ name, ...(keeper.pid !== undefined && { keeper: keeper.pid }) });
    const machine = await machineOf(name);
    expect(await isAlive(machine)).toBe(true);
    keeper.kill('SIGKILL');
    await vi.waitUntil(async () => (await membersOf(machine.namespace)).length === 0, { timeout: 10_000 });
  });

  it('is cleared away by whoever looks for what was cut off, once its keeper has ended and not before', async () => {
    const keeper = spawn('sleep', ['600']);
    await startControlPlane({ name, ...(keeper.pid !== undefined && { keeper: keeper.pid }) });
    await stopOrphans();
    expect(await isAlive(await machineOf(name))).toBe(true);
    keeper.kill('SIGKILL');
    await once(keeper, 'exit');
    await stopOrphans();
    expect(existsSync(clusterDir(name))).toBe(false);
  });

  it('is started anew when only half of it is left', async () => {
    await startControlPlane({ name });
    const first = await machineOf(name);
    process.kill(first.pid, 'SIGKILL');
    await vi.waitUntil(async () => !(await isAlive(first)), { timeout: 10_000 });

    await startControlPlane({ name });
    expect(await machineOf(name)).not.toEqual(first);
    expect(await isAlive(await machineOf(name))).toBe(true);
  });
});

async function machineOf(cluster: string): Promise<ProcessIdentity> {
  const record = await readRecord(clusterDir(cluster));
  if (!record?.machine) throw new Error(`cluster ${cluster} has no machine`);
  return record.machine;
}

async function expectNothingOf(cluster: Cluster, before: Footprint): Promise<void> {
  expect(await processesOf(cgroupOf(name), cluster.pid)).toEqual([]);
  expect(await linksAndRoutes(cluster)).toEqual([]);
  expect(traces(await footprint())).toEqual(traces(before));
}
