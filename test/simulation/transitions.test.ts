/**
 * A thousand transitions, from one spec to another and back: whatever was wished for in between, the world is the same as before afterwards.
 * A wish that the schema refuses changes nothing at all.
 */
import fc from 'fast-check';
import { isInvalid } from 'kube-runtime';
import { describe, expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { differences, stateOf } from './normalise.ts';
import { panics } from './oracle.ts';
import { Person } from './person.ts';
import { SeededRandom } from './random.ts';
import { prepare } from './run.ts';
import { wishes, type Wish } from './specs.ts';
import { VirtualTime } from './virtual-time.ts';
import { World } from './world.ts';

const transitions = Number(process.env['CLOISTER_SIMULATION_TRANSITIONS'] ?? 1000);
/** Each in a world of its own, whose history would grow without end. */
const worlds = 10;

/** Longer than rollouts and the first retries take. */
const settledMs = 20_000;

const neighbour = {
  network: { host: 'taken.example' },
  access: { oidc: [{ issuer: 'https://issuer.example', audience: 'taken' }] },
};
const before = [
  ({ person }: { person: Person }) => person.tenant('neighbour', neighbour),
  ({ person }: { person: Person }) => person.tenant('acme', { displayName: 'Acme' }),
  async ({ person }: { person: Person }) => {
    await person.agent('acme', 'support', { instructions: 'Help.' });
    await person.agent('acme', 'sales');
  },
];

const original = { tenant: { displayName: 'Acme' }, agent: { model: 'offline/echo', instructions: 'Help.' } };
const target = {
  tenant: { kind: kinds.tenants, key: { name: 'acme' } },
  agent: { kind: kinds.agentConfigs, key: { name: 'support', namespace: 'tenant-acme' } },
};

describe.each(Array.from({ length: worlds }, (_, seed) => seed))('world %i', (seed) => {
  test('every wish can be taken back', async () => {
    const from = await prepare({ name: 'two tenants', before, acts: [] });
    const random = new SeededRandom(seed);
    using time = new VirtualTime(random);
    const world = new World({ time, random, from });
    world.startOperator();
    await world.converge();
    const wanted = stateOf(world);
    const person = new Person(world);
    for (const wish of fc.sample(wishes, { seed, numRuns: Math.ceil(transitions / 2 / worlds) })) {
      const lines = await thereAndBack(world, person, wish, wanted);
      expect([...lines, ...(await panics(world))].join('\n'), JSON.stringify({ seed, wish })).toBe('');
    }
    expect(world.forbidden).toEqual([]);
    world.stopAll();
    await time.rest();
  });
});

async function thereAndBack(world: World, person: Person, wish: Wish, wanted: ReturnType<typeof stateOf>): Promise<string[]> {
  const { kind, key } = target[wish.about];
  const version = world.server.version;
  const refused = await person.replaceSpec(kind, key, wish.spec).then(
    () => false,
    (error: unknown) => {
      if (isInvalid(error)) return true;
      throw error;
    },
  );
  if (refused !== (wish.sort === 'refused')) return [refused ? 'the schema refuses it' : 'the schema takes it'];
  await world.converge(settledMs);
  if (refused) return world.server.version === version ? [] : ['a refused spec led to writes'];
  await person.replaceSpec(kind, key, original[wish.about]);
  await world.converge(settledMs);
  return differences(wanted, stateOf(world));
}
