import { namespaceOf } from '@cloister/tenancy';
import { kind, type BaseObject, type Kind } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { bootstrapRatio, quantile } from '../measuring/statistics.ts';
import { requestsPer, told } from './creating.ts';
import { atMost, plain, rounded, spread, type Figure } from './figure.ts';
import { agentNames } from './fleet.ts';
import { editPlainly } from './plain-client.ts';
import { acceptances, endings, operatorRequests, repairs, rollouts } from './timeline.ts';
import type { World } from './world.ts';

let edition = 0;

/** Edits of many tenants' agents, one after the other at a pace. Resolves when the API server has taken them. */
async function editAtPace(
  world: World,
  names: readonly string[],
  { count, perSecond }: { count: number; perSecond: number },
): Promise<void> {
  const agents = names.flatMap((tenant) => agentNames().map((agent) => ({ tenant, agent })));
  const begun = performance.now();
  const edits = Array.from({ length: count }, async (_, index) => {
    await pause(Math.max(0, (index / perSecond) * 1000 - (performance.now() - begun)));
    const { tenant, agent } = agents[(index * 7) % agents.length] ?? { tenant: '', agent: '' };
    await world.fleet.edit(tenant, agent, `Edition ${(edition += 1)}.`);
  });
  await Promise.all(edits);
}

/** With the goal where there is one for this pace. */
export async function edits(
  world: World,
  names: readonly string[],
  { goal, ...pace }: { readonly count: number; readonly perSecond: number; readonly goal: boolean },
): Promise<Figure[]> {
  await world.requests();
  const used = world.countUse();
  const cpu = world.operator().cpu();
  await editAtPace(world, names, pace);
  await world.operator().settled();
  const use = used();
  const cost = (world.operator().cpu() - cpu) / 1000 / pace.count;
  const requests = await world.requests();
  const times = rollouts(requests);
  const what = `AgentConfig edit → Deployment written, at ${pace.perSecond}/s: p99`;
  const p99 = quantile(times, 0.99) / 1000;
  return [
    goal ? atMost(what, p99, 1, 's') : plain(what, `${rounded(p99)} s`),
    plain('… all', spread(times)),
    plain("operator's processor time for an edit and its rollout", `${rounded(cost)} ms`),
    plain('processors meanwhile', told(use, pace.count)),
    ...requestsPer('edit and its rollout', operatorRequests(requests), pace.count),
  ];
}

/** The same by a client that knows beforehand what to write. */
export async function editsPlainly(world: World, count: number, perSecond: number): Promise<Figure[]> {
  const used = world.countUse();
  const times = await editPlainly(world, count, perSecond);
  return [
    plain(`ConfigMap and Deployment written by a client that looks at nothing, at ${perSecond}/s`, spread(times)),
    plain('processors meanwhile', told(used(), count)),
  ];
}

/** Kinds of which every tenant has one under a name known beforehand. */
const victims: readonly { readonly of: Kind<BaseObject>; readonly name: string }[] = [
  { of: kind('v1', 'Service'), name: 'agent-1' },
  { of: kind('apps/v1', 'Deployment'), name: 'agent-2' },
  { of: kind('v1', 'LimitRange'), name: '' },
  { of: kind('networking.k8s.io/v1', 'NetworkPolicy'), name: '' },
];

/** Somebody deletes what the operator made. */
export async function drift(world: World, names: readonly string[], count: number): Promise<Figure[]> {
  const chosen: { of: Kind<BaseObject>; object: BaseObject }[] = [];
  for (let index = 0; index < count; index++) {
    const { of, name } = victims[index % victims.length] ?? { of: kind('v1', 'Service'), name: '' };
    const namespace = namespaceOf(names[Math.floor(index / victims.length) % names.length] ?? '');
    const object = (await world.client.list(of, { namespace })).find(({ metadata }) => name === '' || metadata.name === name);
    if (object) chosen.push({ of, object });
  }
  await world.requests();
  for (const { of, object } of chosen) {
    await world.client.delete(of, object);
    await pause(100);
  }
  await world.operator().settled();
  const times = repairs(await world.requests());
  return [plain('child deleted by somebody → made again', spread(times))];
}

export async function deletions(world: World, names: readonly string[], perSecond: number): Promise<Figure[]> {
  await world.requests();
  for (const name of names) {
    await world.fleet.delete(name);
    await pause(1000 / perSecond);
  }
  for (const name of names) while (await world.fleet.exists(name)) await pause(50);
  await world.operator().settled();
  const requests = await world.requests();
  return [
    plain(`tenant deleted → its last object gone, at ${perSecond}/s`, spread(endings(requests))),
    ...requestsPer('tenant deleted', operatorRequests(requests), names.length),
  ];
}

interface Neighbours {
  readonly noisy: string;
  readonly agents: number;
  readonly quiet: readonly string[];
  /** `edit`: every change is to be rolled out; `touch`: it concerns nobody; `foreign`: ConfigMaps of which Cloister knows nothing are changed instead. */
  readonly by: 'edit' | 'touch' | 'foreign';
}

const noiseBy = (by: Neighbours['by'], agents: number): string =>
  by === 'foreign'
    ? `somebody changes ${agents} ConfigMaps that are no tenant's`
    : `one tenant ${by === 'edit' ? 'edits' : 'touches'} ${agents} agents`;

/**
 * Edits of quiet tenants while another tenant edits as fast as the API server lets it, against the same edits without it, in turn, so
 * that whatever else the machine does hits both alike.
 */
export async function noise(
  world: World,
  { noisy, agents, quiet, by }: Neighbours,
  { rounds, perRound, perSecond }: { readonly rounds: number; readonly perRound: number; readonly perSecond: number },
): Promise<Figure[]> {
  const calm = { done: [] as number[], taken: [] as number[] };
  const loud = { done: [] as number[], taken: [] as number[] };
  let noiseMade = 0;
  const edit = () => editAtPace(world, quiet, { count: perRound, perSecond });
  const note = async ({ done, taken }: typeof calm): Promise<void> => {
    await world.operator().settled();
    const requests = await world.requests();
    const ofOthers = (tenant: string) => tenant !== noisy;
    done.push(...rollouts(requests, ofOthers));
    taken.push(...acceptances(requests, ofOthers));
  };
  await world.requests();
  for (let round = 0; round < rounds; round++) {
    await edit();
    await note(calm);
    const ending = new AbortController();
    const storm = makeNoise(world, { noisy, agents, by }, ending.signal);
    await edit();
    ending.abort();
    noiseMade += await storm;
    await note(loud);
  }
  const ratio = quantile(loud.done, 0.99) / quantile(calm.done, 0.99);
  const ofServer = quantile(loud.taken, 0.99) / quantile(calm.taken, 0.99);
  const what = `${noiseBy(by, agents)} in a hot loop: the others' p99`;
  const measured = moved(calm.done, loud.done);
  return [
    by === 'foreign' ? plain(what, measured) : { what, goal: 'moves by < 20 %', measured, holds: ratio < 1.2 },
    plain('… what rounds without it say of each other: p99', between(bootstrapRatio(calm.done, calm.done, 0.99))),
    plain('… without it', spread(calm.done)),
    plain(`… with it (${noiseMade} changes in ${rounds} rounds)`, spread(loud.done)),
    plain("… the API server's own answer to these edits: p99", `× ${rounded(ofServer)}; ${spread(calm.taken)} → ${spread(loud.taken)}`),
  ];
}

const between = ({ low, high }: { readonly low: number; readonly high: number }): string => `× ${rounded(low)} … ${rounded(high)}`;

/** By how much quantiles of times have moved. The interval is for what chance has done in so few of them. */
function moved(calm: readonly number[], loud: readonly number[]): string {
  const by = (share: number) =>
    `× ${rounded(quantile(loud, share) / quantile(calm, share))} (${between(bootstrapRatio(loud, calm, share))})`;
  return `${by(0.99)}; p50 ${by(0.5)}; p90 ${by(0.9)}`;
}

async function makeNoise(
  { fleet }: World,
  { noisy, agents, by }: Pick<Neighbours, 'noisy' | 'agents' | 'by'>,
  signal: AbortSignal,
): Promise<number> {
  let made = 0;
  for (; !signal.aborted; made++) await fleet[by](noisy, agentNames(agents)[made % agents] ?? '', `Noise ${(edition += 1)}.`);
  return made;
}
