/**
 * What many tenants cost the gateway: `node test/load/tenants.ts [--quick]`.
 *
 * Method: edge and egress that know 10 tenants, each with a host, a key and budgets; the same that know 1,000, of which 10 ask; and the same whose
 * 1,000 tenants all ask in turn, so that each of them asks less than twice a second, and most calls find no part of their budget in hand. In
 * random order, round by round; ratios are taken within a round.
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
const plan = quick
  ? { rounds: 4, perRound: 10, loadRounds: 3, loadSeconds: 1 }
  : { rounds: 15, perRound: 100, loadRounds: 5, loadSeconds: 2 };
const choices = { few: { known: 10, ask: 10 }, known: { known: 1000, ask: 10 }, many: { known: 1000, ask: 1000 } } as const;
type Choice = (typeof choices)[keyof typeof choices];

const servers: RunningServer[] = [];
async function start(...args: Parameters<typeof startServer>): Promise<RunningServer> {
  const server = await startServer(...args);
  servers.push(server);
  return server;
}

type Trio = Readonly<Record<keyof typeof choices, Target>>;

async function openTrios(
  stores: LoadStores,
): Promise<{ readonly stub: Target; readonly trios: Readonly<Record<'edge' | 'egress', Trio>> }> {
  const keys = await makeKeys();
  const stub = await start('stub', { keys });
  const common = { keys, stores: stores.setup };
  const edge = async ({ known, ask }: Choice) => {
    const { said, pid } = await start('edge', { ...common, tenants: known, upstream: stub.said.secureURL ?? '' });
    const headers = [said.headers, ...said.others.slice(0, ask - 1).map((key) => ({ authorization: `Bearer ${key}` }))];
    return targetAt({ name: `edge, ${ask} of ${known}`, url: said.url, pids: [pid], headers, model: said.model });
  };
  const pods = await Promise.all(Array.from({ length: choices.many.ask }, (_, number) => podHeaders(keys, nameOf(number))));
  const egress = async ({ known, ask }: Choice) => {
    const { said, pid } = await start('egress', { ...common, tenants: known, upstream: stub.said.url });
    return targetAt({ name: `egress, ${ask} of ${known}`, url: said.url, pids: [pid], headers: pods.slice(0, ask), model: said.model });
  };
  const trio = async (open: (choice: Choice) => Promise<Target>): Promise<Trio> => ({
    few: await open(choices.few),
    known: await open(choices.known),
    many: await open(choices.many),
  });
  return {
    stub: targetAt({ name: 'direct', url: stub.said.url, pids: [stub.pid] }),
    trios: { edge: await trio(edge), egress: await trio(egress) },
  };
}

async function measure(stores: LoadStores): Promise<void> {
  const { stub, trios } = await openTrios(stores);
  const targets = [stub, ...Object.values(trios).flatMap(({ few, known, many }) => [few, known, many])];
  console.log(`# Many tenants\n\n${await machine()}`);
  const idle = new Map(targets.map(({ name, memory }) => [name, memory()]));
  await loadOf(targets, { rounds: 1, seconds: quick ? 1 : 3, connections: 32 });
  const times = await compare(targets, 'whole', plan);
  const loads = await loadOf(targets, { rounds: plan.loadRounds, seconds: plan.loadSeconds, connections: 32 }, stores.cpu);
  const [direct] = targets;
  for (const [name, { few, known, many }] of Object.entries(trios)) {
    const added = (target: Target) => found(times, target.name).ratio(found(times, few.name), found(times, direct?.name ?? ''), 'total');
    const cpu = (target: Target) => found(loads, target.name).ratio(found(loads, few.name), 'cpu');
    const behind = (target: Target) => found(loads, target.name).over(found(loads, few.name), 'behind');
    const memory = (target: Target) => `${found(idle, target.name).toFixed(0)} → ${target.memory().toFixed(0)}`;
    printFigures(`${name}, to one that knows 10 tenants`, [
      noSlower('1,000 known, 10 ask: what it adds to a call', added(known)),
      noSlower('… its processor time for a call at 32 connections', cpu(known)),
      { what: '1,000 ask in turn: what it adds to a call', measured: ratio(added(many)) },
      { what: '… its processor time for a call', measured: ratio(cpu(many)) },
      { what: '… Postgres and Redis, µs of processor time more for a call', measured: behind(many).median.toFixed(0) },
      { what: 'MiB idle → loaded: 10; 1,000 known; 1,000 ask', measured: [few, known, many].map(memory).join('; ') },
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
