/**
 * A thousand changes of specs that the API server takes, and some hundred that it refuses: whatever was wished for in between, the world is the
 * same as before afterwards.
 *
 * `CLOISTER_SIMULATION_SEED` begins other sequences; without it, they are the same every time.
 */
import { namespaces } from '@cloister/tenancy';
import fc from 'fast-check';
import { isInvalid } from 'kube-runtime';
import { afterAll, describe, expect, test } from 'vitest';
import * as kinds from '../../operator/src/kinds.ts';
import { isReady } from '../../operator/src/status/conditions.ts';
import { differences, stateOf, type State } from './normalise.ts';
import { panics } from './oracle.ts';
import { offlineSpec, starterSpec, type Person } from './person.ts';
import { onStage, type Stage } from './scene.ts';
import { journeys, type About, type Journey } from './specs/journey.ts';
import type { Wish } from './specs/wish.ts';
import type { Act } from './workloads.ts';

const least = Number(process.env['CLOISTER_SIMULATION_TRANSITIONS'] ?? 1000);
const firstSeed = Number(process.env['CLOISTER_SIMULATION_SEED'] ?? 0);
/** Each in a world of its own, whose history would grow without end. */
const worlds = 10;

/** Longer than rollouts and the first retries take. */
const settledMs = 20_000;

const neighbour = {
  network: { host: 'taken.example' },
  access: { oidc: [{ issuer: 'https://issuer.example', audience: 'taken' }] },
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (person: Person, name: string, namespace: string, data: Readonly<Record<string, string>>): Promise<void> =>
  person.create(
    kinds.secrets,
    { name, namespace },
    { data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])) },
  );
const before: readonly Act[] = [
  ({ person }) => person.tenant('neighbour', neighbour),
  ({ person }) => person.tenant('acme', { displayName: 'Acme' }),
  async ({ person }) => {
    await person.agent('acme', 'support', { instructions: 'Help.' });
    await person.agent('acme', 'sales');
    await secret(person, 'jwt', 'tenant-acme', { secret: 's'.repeat(32) });
    await secret(person, 'keys', 'tenant-acme', { openai: 'sk-1' });
    await secret(person, 'upstream', namespaces.providers, { key: 'sk-2' });
    const models = offlineSpec.models.slice(0, 1);
    await person.create(kinds.modelProviders, { name: 'openai' }, { spec: { type: 'OpenAI', ownKeys: 'Required', models } });
  },
];

const target = {
  tenant: { kind: kinds.tenants, key: { name: 'acme' }, original: { displayName: 'Acme' } },
  agent: {
    kind: kinds.agentConfigs,
    key: { name: 'support', namespace: 'tenant-acme' },
    original: { model: 'offline/echo', instructions: 'Help.' },
  },
  class: { kind: kinds.tenantClasses, key: { name: 'starter' }, original: starterSpec },
  provider: { kind: kinds.modelProviders, key: { name: 'offline' }, original: offlineSpec },
} as const;

/** Specs that the API server took, and that it refused. */
const counts = { taken: 0, refused: 0 };

describe.each(Array.from({ length: worlds }, (_, index) => firstSeed * worlds + index))('world %i', (seed) => {
  test('every wish can be taken back', () =>
    onStage(
      'two tenants',
      before,
      async (stage) => {
        const { world } = stage;
        const first = comparable(world);
        const end = counts.taken + least / worlds;
        for (let round = 0; counts.taken < end; round++) {
          const [journey] = fc.sample(journeys, { seed: seed * 10_000 + round, numRuns: 1 });
          if (!journey) throw new Error('nobody wishes for anything');
          const lines = await thereAndBack(stage, journey, first);
          expect([...lines, ...(await panics(world))].join('\n'), JSON.stringify({ seed, round, ...journey })).toBe('');
        }
        expect(world.forbidden).toEqual([]);
      },
      { seed },
    ));
});

afterAll(() => {
  console.log(`${counts.taken} specs were taken, ${counts.refused} refused`);
});

async function thereAndBack(stage: Stage, journey: Journey, first: State): Promise<string[]> {
  const { about, from } = journey;
  if (from) await change(stage, about, from);
  const wanted = from ? comparable(stage.world) : first;
  const wrong = await tryOut(stage, journey);
  const found = differences(wanted, comparable(stage.world));
  if (from) await change(stage, about, target[about].original);
  return [...wrong, ...found, ...differences(first, comparable(stage.world)).map((line) => `at the start: ${line}`)];
}

/** To the wish, and back to where the journey begins, if the API server takes it. */
async function tryOut(stage: Stage, { about, from, to, hasty }: Journey): Promise<string[]> {
  const { version } = stage.world.server;
  const isRefused = to.sort === 'refused';
  const taken = await change(stage, about, to.spec, isRefused ? undefined : hasty);
  if (taken === isRefused) return [taken ? 'the schema takes it' : 'the schema refuses it'];
  if (isRefused) return stage.world.server.version === version ? [] : ['a refused spec led to writes'];
  const misjudged = hasty === undefined ? judgement(stage, about, to) : [];
  await change(stage, about, from ?? target[about].original);
  return misjudged;
}

/** As `kubectl replace`, and until it is done, or for so many things that happen. False where the API server refuses it. */
async function change({ world, person }: Stage, about: About, spec: object, hasty?: number): Promise<boolean> {
  const { kind, key } = target[about];
  try {
    await person.replaceSpec(kind, key, spec);
    counts.taken++;
  } catch (error) {
    if (!isInvalid(error)) throw error;
    counts.refused++;
    await world.converge(settledMs);
    return false;
  }
  await (hasty === undefined ? world.converge(settledMs) : world.stir(hasty));
  return true;
}

/**
 * A right spec makes the object Ready; of one that cannot be followed some condition says so. What a class or a provider spoils shows on its
 * tenants, and at a tenant that is stopped nobody looks.
 */
function judgement({ world }: Stage, about: About, { sort, spec }: Wish): string[] {
  const { kind, key } = target[about];
  const { name, namespace }: { name: string; namespace?: string } = key;
  const found = world.find(kind.kind, name, namespace);
  const { conditions = [] } = (found && kinds.tenants.accept(found).status) ?? {};
  if (sort === 'valid') return isReady(conditions) ? [] : [`is not Ready: ${JSON.stringify(conditions)}`];
  const shows = about === 'agent' || (about === 'tenant' && (spec['state'] ?? 'Active') === 'Active');
  const troubles = conditions.filter(({ status, type }) => status === 'False' && /(Ready|Allowed|RolledOut|Available)$/.test(type));
  return shows && troubles.length === 0 ? [`says nothing of what is wrong: ${JSON.stringify(conditions)}`] : [];
}

/**
 * Without what is about the past: old revisions of a class are kept for whoever wants to go back, and the agents of an archived tenant tell which
 * configuration was the last to serve.
 */
const comparable = (world: Stage['world']): State =>
  new Map(
    [...stateOf(world)]
      .filter(([key]) => !key.startsWith('ControllerRevision '))
      .map(([key, text]) => [key, text.replace(/\n *"lastGoodRevision": "[0-9a-f]{10}",?/, '')]),
  );
