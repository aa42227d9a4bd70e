import { z } from 'zod';
import type { Use } from '../measuring/processor.ts';
import { median, quantile } from '../measuring/statistics.ts';
import { atMost, plain, rounded, spread, type Figure } from './figure.ts';
import { writePlainly } from './plain-client.ts';
import { creations, isWrite, operatorRequests } from './timeline.ts';
import type { World } from './world.ts';

/** Many tenants with their agents at once. */
export async function burst(world: World, names: readonly string[]): Promise<Figure[]> {
  await world.requests();
  world.operator().complaints();
  const before = await world.operator().metrics();
  const cpu = world.operator().cpu();
  const took = await world.fleet.apply(names);
  await world.operator().settled();
  const used = (world.operator().cpu() - cpu) / 1000 / names.length;
  const { errors, reconciles } = await world.operator().metrics();
  const requests = await world.requests();
  const { own } = creations(requests);
  return [
    { what: `${names.length} tenants at once: Ready`, goal: 'all', measured: `all, in ${rounded(took / 1000)} s`, holds: true },
    { what: 'errors in reconciles', goal: 'none', measured: String(errors - before.errors), holds: errors === before.errors },
    ...complaints(world).map((said) => plain('… logged', said)),
    plain('tenant applied → its own children there', spread(own)),
    plain('tenants a second', rounded((names.length / took) * 1000)),
    plain('reconciles for a tenant with its agents', rounded((reconciles - before.reconciles) / names.length)),
    plain("operator's processor time for a tenant with its agents", `${rounded(used)} ms`),
    ...requestsPer('tenant created, with its agents', operatorRequests(requests), names.length),
  ];
}

const complaint = z.object({ msg: z.string(), err: z.string().optional() });

/** What the operator logged as a warning or worse, and how often. */
function complaints(world: World): string[] {
  const said = world
    .operator()
    .complaints()
    .map((line) => complaint.parse(JSON.parse(line)));
  const alike = Map.groupBy(said, ({ msg, err }) => (err === undefined ? msg : `${msg}: ${err}`));
  return [...alike].map(([what, lines]) => `${lines.length} × ${what}`);
}

/** Tenants that come one by one, with the goal where there is one for this pace. */
export async function arrivals(world: World, names: readonly string[], perSecond: number, goal: boolean): Promise<Figure[]> {
  await world.requests();
  const used = world.countUse();
  await world.fleet.apply(names, perSecond);
  const use = used();
  await world.operator().settled();
  const { own, agents } = creations(await world.requests());
  const pace = `at ${perSecond} tenants/s`;
  const within = (what: string, ms: number, limit: number): Figure =>
    goal ? atMost(what, ms / 1000, limit, 's') : plain(what, `${rounded(ms / 1000)} s`);
  return [
    within(`tenant applied → all its children, ${pace}: p50`, median(own), 0.5),
    within(`tenant applied → all its children, ${pace}: p99`, quantile(own, 0.99), 5),
    plain('… of the tenant itself', spread(own)),
    plain('… and those of its three agents, applied once the namespace was there', spread(agents)),
    plain('processors meanwhile, until all were Ready', told(use, names.length)),
  ];
}

/** The same by a client that knows beforehand what to write. */
export async function arrivalsPlainly(world: World, model: string, count: number, perSecond: number): Promise<Figure[]> {
  const used = world.countUse();
  const times = await writePlainly(world, model, count, perSecond);
  return [
    plain(`the same objects by a client that looks at nothing, at ${perSecond} tenants/s`, spread(times)),
    plain('processors meanwhile, until all were Ready', told(used(), count)),
  ];
}

/** `count`: of how many changes this was the cost. */
export const told = ({ busy, shares, seconds }: Use, count: number): string =>
  `${percent(busy)} busy: ${shares
    .slice(0, 6)
    .map(([program, share]) => `${program} ${percent(share)}`)
    .join(', ')}; all that is counted, for each: ${rounded((seconds / count) * 1000)} ms`;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

export function requestsPer(what: string, requests: ReturnType<typeof operatorRequests>, count: number): Figure[] {
  const kinds = Map.groupBy(requests, ({ verb }) => verb);
  const parts = [...kinds].map(([verb, of]) => `${verb} ${rounded(of.length / count)}`).sort();
  const writes = requests.filter(isWrite).length;
  return [
    plain(
      `API requests for a ${what}`,
      `${rounded(requests.length / count)}, of them writes ${rounded(writes / count)} (${parts.join(', ')})`,
    ),
  ];
}
