/**
 * How the operator does with many tenants: `node test/load/scale.ts [tenants …]`, each number on a cluster of its own.
 *
 * Method: real etcd, API server, controllers and scheduler; kwok plays nodes and pods; real Postgres and Redis. The operator is the built
 * bundle in a process of its own, as the user and with the rights of the chart. Times come from the API server's audit log; memory and
 * processor from /proc. Everything shares the machine, the load included, each process with an equal claim; where it says "operator first", its
 * turn comes before the others'.
 */
import { readFile } from 'node:fs/promises';
import { run } from '../cluster/command.ts';
import { repository } from '../cluster/paths.ts';
import { machine } from './measuring/machine.ts';
import { deletions, drift, edits, editsPlainly, noise } from './scale/changing.ts';
import { arrivals, arrivalsPlainly, burst } from './scale/creating.ts';
import { printFigures, type Figure } from './scale/figure.ts';
import { footprintOf, makeForeignObjects, memory } from './scale/memory.ts';
import { rest, restarts } from './scale/resting.ts';
import { makeWorld, type World } from './scale/world.ts';

const sizes = process.argv.slice(2).map(Number);
if (sizes.some((size) => !(size >= 1))) throw new Error('usage: node test/load/scale.ts [tenants …], for example 10 100 1000');

/** How the figures of one size are taken. */
interface Plan {
  readonly size: number;
  /** The operator looks after Postgres and Redis so often; at rest, one such period is waited for. */
  readonly dataCheckSeconds: number;
  readonly rounds: number;
}

async function measure({ size, rounds, dataCheckSeconds }: Plan, world: World): Promise<void> {
  const print = (title: string, figures: readonly Figure[]) => printFigures(`${size} tenants: ${title}`, figures);
  await makeForeignObjects(world.client, size * 10);
  const empty = await footprintOf(await world.restart());

  const tenants = numbered('t', size);
  print('all at once', await burst(world, tenants));
  print('restart', await restarts(world, rounds));
  print(`memory, beside ${size * 10} Secrets and ConfigMaps of others`, memory(empty, await footprintOf(world.operator()), size));
  print(`at rest, data checked every ${dataCheckSeconds} s`, await rest(world, dataCheckSeconds + 30));
  const later = numbered('later', Math.min(100, size));
  const more = numbered('more', later.length);
  const slowly = numbered('slowly', Math.min(30, size));
  const busily = numbered('busily', slowly.length);
  print('further ones, one by one', [
    ...(await arrivals(world, later, 10, true)),
    ...(await first(world, () => arrivals(world, more, 10, true))),
    ...(await arrivalsPlainly(world, 'later-1', later.length, 10)),
    ...(await arrivals(world, slowly, 1, false)),
    ...(await arrivals(world, busily, 2, false)),
  ]);
  const changes = Math.min(400, size * 6);
  print('edits', [
    ...(await edits(world, tenants, { count: changes, perSecond: 20, goal: true })),
    ...(await first(world, () => edits(world, tenants, { count: changes, perSecond: 20, goal: true }))),
    ...(await editsPlainly(world, changes, 20)),
    ...(await edits(world, tenants, { count: Math.min(60, size * 6), perSecond: 2, goal: false })),
    ...(await edits(world, tenants, { count: Math.min(120, size * 6), perSecond: 6, goal: false })),
  ]);
  print('drift', await drift(world, tenants, Math.min(100, size * 4)));
  await world.fleet.apply(['noisy'], 1, 50);
  await world.operator().settled();
  const quiet = { rounds, perRound: 40, perSecond: 2 };
  const neighbours = { noisy: 'noisy', agents: 50, quiet: tenants };
  print('a noisy neighbour', [
    ...(await noise(world, { ...neighbours, by: 'edit' }, quiet)),
    ...(await first(world, () => noise(world, { ...neighbours, by: 'edit' }, quiet))),
    ...(await noise(world, { ...neighbours, by: 'touch' }, quiet)),
    ...(await noise(world, { ...neighbours, by: 'foreign' }, quiet)),
  ]);
  print('deletion', await deletions(world, [...later, ...more, ...slowly, ...busily, 'noisy'], 5));
}

/** Nothing where the kernel does not share processors out by session. */
async function first(world: World, measured: () => Promise<readonly Figure[]>): Promise<Figure[]> {
  if ((await readFile('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').catch(() => '0')).trim() !== '1') return [];
  const figures = await world.operator().first(measured);
  return figures.map((figure) => ({ ...figure, what: `operator first: ${figure.what}` }));
}

const numbered = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);

/** Rejects when somebody ends the run, so that cluster and operator are ended, too. */
const cutOff = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
});
cutOff.catch(() => undefined); // whoever waits is told

await run('node', ['scripts/build.ts', 'operator'], { cwd: repository });
console.log(`# Operator at scale\n\n${await machine()}`);
for (const size of sizes.length > 0 ? sizes : [100]) {
  const plan: Plan = size >= 1000 ? { size, dataCheckSeconds: 300, rounds: 4 } : { size, dataCheckSeconds: 60, rounds: 3 };
  const world = await makeWorld({ name: 'scale', nodes: 10, dataCheckSeconds: plan.dataCheckSeconds });
  try {
    await Promise.race([measure(plan, world), world.failed, cutOff]);
  } finally {
    await world.close();
  }
}
