/** For tests that tell a story of their own: a world with an operator at work, a bystander, and a person. */
import { Person } from './person.ts';
import { SeededRandom } from './random.ts';
import { prepare } from './run.ts';
import { VirtualTime } from './virtual-time.ts';
import { World } from './world.ts';
import type { Act } from './workloads.ts';

export interface Stage {
  readonly world: World;
  readonly person: Person;
  readonly time: VirtualTime;
}

/** `before` is brought about first, by an operator that then goes on. What happens in which order follows from `seed`. */
export async function onStage(
  name: string,
  before: readonly Act[],
  story: (stage: Stage) => Promise<void>,
  { seed = 1 } = {},
): Promise<void> {
  const from = await prepare({ name, before, acts: [] });
  const random = new SeededRandom(seed);
  using time = new VirtualTime(random);
  const world = new World({ time, random, from });
  world.startOperator();
  await world.converge();
  try {
    await story({ world, person: new Person(world), time });
  } finally {
    world.stopAll();
    await time.rest();
  }
}
