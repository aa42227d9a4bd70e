/**
 * What many tenants cost the gateway: `node test/load/tenants.ts [--quick]`.
 *
 * Method: edge and egress that know 10 tenants, each with a host, a key and budgets, beside others that know 1,000; the requests come from all of
 * the tenants in turn, in random order of the servers, round by round. Ratios are taken within a round.
 */
import { openStores, type LoadStores } from './gateway/stores.ts';
import { found } from './gateway/report.ts';
import { targetAt, type Target } from './gateway/target.ts';
import { compare } from './measuring/compare.ts';
import { machine } from './measuring/machine.ts';
import type { Interval } from './measuring/statistics.ts';
import { loadOf } from './measuring/throughput.ts';
import { printFigures, type Figure } from './scale/figure.ts';
import { makeKeys, podHeaders } from './servers/keys.ts';
import { startServer, type RunningServer } from './servers/start.ts';
import { nameOf } from './servers/tenants.ts';

const quick = process.argv.includes('--quick');
const plan = quick ? { rounds: 4, perRound: 10, loadRounds: 3, loadSeconds: 1 } : { rounds: 15, perRound: 100, loadRounds: 7, loadSeconds: 2 };
const sizes = { few: 10, many: 1000 } as const;

const servers: RunningServer[] = [];
async function start(...args: Parameters<typeof startServer>): Promise<RunningServer> {
  const server = await startServer(...args);
  servers.push(server);
  return server;
}

interface Pair {
  readonly few: Target;
  readonly many: Target;
}

async function openPairs(stores: LoadStores): Promise<{ readonly stub: Target; readonly pairs: Readonly<Record<'edge' | 'egress', Pair>> }> {
  const keys = await makeKeys();
  const stub = await start('stub', { keys });
  const common = { keys, stores: stores.setup };
  const edge = async (tenants: number) => {
    const { said, pid } = await start('edge', { ...common, tenants, upstream: stub.said.secureURL ?? '' });
    const headers = [said.headers, ...said.others.map((key) => ({ authorization: `Bearer ${key}` }))];
    return targetAt({ name: `edge, ${tenants}`, url: said.url, pids: [pid], headers, model: said.model });
  };
  const pods = await Promise.all(Array.from({ length: sizes.many }, (_, number) => podHeaders(keys, nameOf(number))));
  const egress = async (tenants: number) => {
    const { said, pid } = await start('egress', { ...common, tenants, upstream: stub.said.url });
    return targetAt({ name: `egress, ${tenants}`, url: said.url, pids: [pid], headers: pods.slice(0, tenants), model: said.model });
  };
  return {
    stub: targetAt({ name: 'direct', url: stub.said.url, pids: [stub.pid] }),
    pairs: {
      edge: { few: await edge(sizes.few), many: await edge(sizes.many) },
      egress: { few: await egress(sizes.few), many: await egress(sizes.many) },
    },
  };
}

async function measure(stores: LoadStores): Promise<void> {
  const { stub, pairs } = await openPairs(stores);
  const targets = [stub, ...Object.values(pairs).flatMap(({ few, many }) => [few, many])];
  console.log(`# Many tenants\n\n${await machine()}\n- ${sizes.few} and ${sizes.many} tenants, all of which ask in turn`);
  const idle = new Map(targets.map(({ name, memory }) => [name, memory()]));
  // Every tenant's first call is another matter: what it finds must be made first.
  for (const target of targets) await loadOf([target], { rounds: 1, seconds: quick ? 1 : 4, connections: 32 });
  const times = await compare(targets, 'whole', plan);
  const loads = await loadOf(targets, { rounds: plan.loadRounds, seconds: plan.loadSeconds, connections: 32 }, stores.cpu);
  for (const [name, { few, many }] of Object.entries(pairs)) {
    const [ofFew, ofMany] = [found(loads, few.name), found(loads, many.name)];
    printFigures(`${name}, ${sizes.many} tenants to ${sizes.few}`, [
      noSlower('what it adds to a call', found(times, many.name).ratio(found(times, few.name), found(times, stub.name), 'total')),
      noSlower('its processor time for a call at 32 connections', ofMany.ratio(ofFew, 'cpu')),
      { what: 'that of Postgres and Redis', measured: ratio(ofMany.ratio(ofFew, 'behind')) },
      { what: 'memory idle', measured: `${found(idle, few.name).toFixed(0)} → ${found(idle, many.name).toFixed(0)} MiB` },
      { what: 'memory after load', measured: `${few.memory().toFixed(0)} → ${many.memory().toFixed(0)} MiB` },
    ]);
  }
  await Promise.all(targets.map(({ pool }) => pool.destroy()));
}

/** It holds unless the interval says that it is slower. */
const noSlower = (what: string, measured: Interval): Figure => ({
  what,
  goal: 'no more',
  measured: ratio(measured),
  holds: measured.low <= 1,
});

const ratio = ({ median, low, high }: Interval): string => `${median.toFixed(2)} × (${low.toFixed(2)} … ${high.toFixed(2)})`;

const stores = await openStores();
try {
  await measure(stores);
} finally {
  await Promise.all(servers.map((server) => server.close()));
  await stores.close();
}
