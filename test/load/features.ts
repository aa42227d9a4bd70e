/**
 * The price of each feature of the gateway alone: `node test/load/features.ts [--quick]`.
 *
 * Method: edge and egress with everything on, and one process more for each feature, with everything on but that one; all before the same stub,
 * Postgres and Redis, under the same load in random order, round by round. A price is what leaving the feature out saves, within a round.
 * Most are left out as a setting or a document of the product would: no limits, no budget, plain HTTP to the agent, no log lines. For what
 * cannot be left out (who calls, what is counted) the server is put together without it, in test/load/servers.
 */
import { podHeaders, makeKeys } from './servers/keys.ts';
import type { Feature, PlatformKeys } from './servers/setup.ts';
import { startServer, type RunningServer } from './servers/start.ts';
import { nameOf } from './servers/tenants.ts';
import { openStores, type LoadStores } from './gateway/stores.ts';
import { found } from './gateway/report.ts';
import { targetAt, type Target } from './gateway/target.ts';
import { compare, type Timings } from './measuring/compare.ts';
import { machine } from './measuring/machine.ts';
import type { Interval } from './measuring/statistics.ts';
import { printTable } from './measuring/table.ts';
import { loadOf, type Loads } from './measuring/throughput.ts';

const quick = process.argv.includes('--quick');
const plan = quick
  ? { rounds: 4, perRound: 10, loadRounds: 3, loadSeconds: 1 }
  : { rounds: 15, perRound: 30, loadRounds: 5, loadSeconds: 2 };
const connections = 32;
const tenants = 1000;

const ofEdge: readonly Feature[] = ['authentication', 'limits', 'vouchers', 'TLS', 'metrics', 'log lines'];
const ofEgress: readonly Feature[] = ['authentication', 'vouchers', 'budget', 'audit', 'metrics', 'log lines'];

interface Family {
  /** With everything on first, then each feature left out, then all of them. */
  readonly targets: readonly Target[];
  readonly features: readonly Feature[];
}

const servers: RunningServer[] = [];
async function start(...args: Parameters<typeof startServer>): Promise<RunningServer> {
  const server = await startServer(...args);
  servers.push(server);
  return server;
}

async function edges(stub: RunningServer['said'], common: object): Promise<Family> {
  const open = async (name: string, without: readonly Feature[]) => {
    const upstream = without.includes('TLS') ? stub.url : (stub.secureURL ?? '');
    const { said, pid } = await start('edge', { ...common, upstream, without: [...without] });
    return targetAt({ name: `edge ${name}`, url: said.url, headers: said.headers, model: said.model, pids: [pid] });
  };
  return family(ofEdge, open);
}

async function egresses(stub: RunningServer['said'], common: object, keys: PlatformKeys): Promise<Family> {
  const measured = nameOf(tenants - 1);
  const [headers, unlimited] = [await podHeaders(keys, measured), await podHeaders(keys, measured, 'unlimited')];
  const { authorization = '' } = headers;
  const open = async (name: string, without: readonly Feature[]) => {
    const { said, pid } = await start('egress', { ...common, upstream: stub.url, without: [...without] });
    // A key's own budget is in its voucher.
    const shown = without.includes('vouchers') ? { authorization } : without.includes('budget') ? unlimited : headers;
    return targetAt({ name: `egress ${name}`, url: said.url, headers: shown, model: said.model, pids: [pid] });
  };
  return family(ofEgress, open);
}

async function family(features: readonly Feature[], open: (name: string, without: readonly Feature[]) => Promise<Target>): Promise<Family> {
  const targets = [await open('with everything', [])];
  for (const feature of features) targets.push(await open(`without ${feature}`, [feature]));
  return { targets: [...targets, await open('without any', features)], features };
}

interface Measured {
  readonly timings: ReadonlyMap<string, Timings>;
  readonly loads: ReadonlyMap<string, Loads>;
}

function show({ targets: [all, ...less], features }: Family, { timings, loads }: Measured): void {
  if (!all) return;
  const price = (feature: string, { name }: Target) => [
    feature,
    micro(found(timings, all.name).over(found(timings, name), 'total'), 1000),
    micro(found(loads, all.name).over(found(loads, name), 'cpu')),
    micro(found(loads, all.name).over(found(loads, name), 'behind')),
  ];
  const [time, load] = [found(timings, all.name), found(loads, all.name)];
  const whole = [all.name, (time.middle('total') * 1000).toFixed(0), load.middle('cpu').toFixed(0), load.middle('behind').toFixed(0)];
  printTable(
    ['', 'one call, µs', `CPU a call at ${connections} connections, µs`, 'CPU of Postgres and Redis, µs'],
    [whole, ...less.map((target, index) => price(features[index] ?? 'all of these', target))],
  );
  console.log('');
}

const micro = ({ median, low, high }: Interval, factor = 1): string =>
  `${(median * factor).toFixed(0)} (${(low * factor).toFixed(0)} … ${(high * factor).toFixed(0)})`;

async function measure(stores: LoadStores): Promise<void> {
  const keys = await makeKeys();
  const stub = await start('stub', { keys });
  const common = { keys, stores: stores.setup, tenants };
  console.log(`# The price of each feature\n\n${await machine()}`);
  console.log(`- prices, with their 95 % intervals: what a call takes less when the feature is left out\n`);
  for (const one of [await edges(stub.said, common), await egresses(stub.said, common, keys)]) {
    await loadOf(one.targets, { rounds: 1, seconds: plan.loadSeconds, connections });
    const timings = await compare(one.targets, 'whole', plan);
    const loads = await loadOf(one.targets, { rounds: plan.loadRounds, seconds: plan.loadSeconds, connections }, stores.cpu);
    show(one, { timings, loads });
    await Promise.all(one.targets.map(({ pool }) => pool.destroy()));
  }
}

const stores = await openStores();
try {
  await measure(stores);
} finally {
  await Promise.all(servers.map((server) => server.close()));
  await stores.close();
}
