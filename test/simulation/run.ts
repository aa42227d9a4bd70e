/** One run: a workload, what goes wrong, and a seed. What comes of it follows from these three alone. */
import type { Change } from 'kube-model';
import { faultsFrom, type Faults } from './faults.ts';
import { isRecord } from './json.ts';
import type { Call } from './operator-process.ts';
import { stateOf, type State } from './normalise.ts';
import { panics, problemsOf, writesAfterRestart } from './oracle.ts';
import { Person } from './person.ts';
import { SeededRandom } from './random.ts';
import { VirtualTime } from './virtual-time.ts';
import { install, World } from './world.ts';
import type { Act, Workload } from './workloads.ts';

export interface Run {
  readonly state: State;
  /** What the operator wrote, or tried to write, while the workload went on. */
  readonly writes: readonly string[];
  readonly history: readonly Change[];
  /** What it asked the API server to delete, and which UID it meant. */
  readonly deletions: readonly { readonly path: string; readonly uid: string | undefined }[];
  /** What of its rights it has made use of, as `group/resource verb`. */
  readonly rightsUsed: ReadonlySet<string>;
  /** What must never be, whatever goes wrong. */
  readonly problems: readonly string[];
  /** Those of the faults that never struck. */
  readonly unmet: readonly string[];
}

const preparation = Date.parse('2026-02-10T00:00:00Z');
const prepared = new Map<string, Promise<World>>();

/** The world before a workload: with the operator installed, a bystander, and what the workload asks for. Made once, without faults. */
export function prepare(workload: Workload): Promise<World> {
  const known = prepared.get(workload.name) ?? prepareAnew(workload);
  prepared.set(workload.name, known);
  return known;
}

async function prepareAnew({ before, rotation }: Workload): Promise<World> {
  base ??= settle();
  const from = await base;
  const random = new SeededRandom(1);
  using time = new VirtualTime(random, preparation);
  const world = new World({ time, random, from, rotation });
  world.startOperator();
  for (const act of before) {
    await perform(world, act);
    await world.converge();
  }
  await retire(world, time);
  return world;
}

let base: Promise<World> | undefined;

/** Cloister is installed, and a bystander has moved in. */
async function settle(): Promise<World> {
  const random = new SeededRandom(1);
  using time = new VirtualTime(random, Date.parse('2026-02-01T00:00:00Z'));
  const world = new World({ time, random });
  const person = new Person(world);
  await install(world.administrator);
  world.startOperator();
  await person.settleIn();
  await world.converge();
  await person.settleAgent();
  await world.converge();
  await retire(world, time);
  return world;
}

async function retire(world: World, time: VirtualTime): Promise<void> {
  world.stopAll();
  await time.rest();
}

const perform = (world: World, act: Act): Promise<void> =>
  act({ world, person: new Person(world), meanwhile: (steps) => world.stir(steps) });

/** Between two acts: longer than most back-offs get. */
const pauseMs = 70_000;

/** `restart`: also see that an operator started anew at the end finds nothing to write. */
export async function simulate(workload: Workload, fault: string, seed: number, { restart = false } = {}): Promise<Run> {
  const faults = faultsFrom(fault);
  const from = await prepare(workload);
  const random = new SeededRandom(seed);
  using time = new VirtualTime(random, workload.settledMs && preparation + workload.settledMs);
  const world = new World({ time, random, from });
  world.startOperator();
  await world.calm();
  const [version, calls] = [world.server.version, world.calls.length];
  let writes = 0;
  world.mishap = (call) => faults.mishap(call, call.write ? writes++ : undefined, world);
  faults.begin(world);
  for (const [index, act] of workload.acts.entries()) {
    if (index > 0) await world.converge(pauseMs);
    await perform(world, act);
  }
  // What is done only after a while is struck as well.
  await world.converge();
  world.mishap = () => undefined;
  const asked = world.calls.slice(calls);
  const state = stateOf(world);
  const problems = [
    ...problemsOf(world, from, version, workload.concernsAll ?? false),
    ...(workload.problemsIn?.(world.changesSince(version)) ?? []),
    ...(await panics(world)),
    ...missedBy(world, faults),
    ...(restart ? await writesAfterRestart(world) : []),
  ];
  const history = world.changesSince(version);
  const { rightsUsed } = world;
  await retire(world, time);
  const [unmet, deletions] = [faults.unmet(), deletionsIn(asked)];
  return { state, rightsUsed, writes: asked.map(({ what }) => what), deletions, history, problems, unmet };
}

/** A fault that was set and did not strike would show nothing. */
function missedBy({ processes }: World, { set }: Faults): string[] {
  const strikes = processes.reduce((sum, process) => sum + process.strikes, 0);
  return strikes === set() ? [] : [`${set()} calls were to meet a mishap, and ${strikes} did`];
}

function deletionsIn(calls: readonly Call[]): Run['deletions'] {
  return calls.flatMap(({ request }) => {
    if (request?.method !== 'DELETE') return [];
    const preconditions = isRecord(request.body) ? request.body['preconditions'] : undefined;
    const uid = isRecord(preconditions) ? preconditions['uid'] : undefined;
    return { path: request.path, uid: typeof uid === 'string' ? uid : undefined };
  });
}
