/**
 * What the gateway adds to a call, beside pass-throughs and beside the gateways of others: `node test/load/gateway.ts [--quick]`.
 *
 * Method: a stub of a model provider, and before it each of what is compared, in processes of their own on loopback, with a Postgres that
 * waits for the disk and a Redis; one client asks all of them in random order, round by round, so that whatever else the machine does hits
 * all alike. Figures are medians of rounds; differences and ratios are taken within a round; intervals are 95 % bootstraps over rounds.
 */
import { openStores } from './gateway/stores.ts';
import { report } from './gateway/report.ts';
import { openTargets } from './gateway/targets.ts';
import { compare } from './measuring/compare.ts';
import { machine } from './measuring/machine.ts';
import { loadOf } from './measuring/throughput.ts';

const quick = process.argv.includes('--quick');
const plan = quick
  ? { warmUpSeconds: 1, rounds: 4, perRound: 10, loadRounds: 1, loadSeconds: 1 }
  : { warmUpSeconds: 10, rounds: 15, perRound: 30, loadRounds: 5, loadSeconds: 3 };
const connections = 32;

const stores = await openStores();
const { targets, notes, close } = await openTargets(stores).catch(async (error: unknown) => {
  await stores.close();
  throw error;
});
try {
  console.log(`# Gateway\n\n${await machine()}\n${notes.map((note) => `- ${note}`).join('\n')}`);
  console.log(
    `- ${plan.rounds} rounds of ${plan.perRound} sequential requests each, then ${plan.loadRounds} rounds of ${plan.loadSeconds} s at ${connections} connections\n`,
  );
  const idle = new Map(targets.map(({ name, memory }) => [name, memory()]));
  // A process that has just started is no gateway in service: what is kept comes with the calls, and V8 goes on compiling for some 20,000 of them.
  for (const mode of ['whole', 'stream'] as const) await loadOf(targets, { rounds: 1, seconds: plan.warmUpSeconds, connections, mode });
  const whole = await compare(targets, 'whole', plan);
  const stream = await compare(targets, 'stream', plan);
  const load = await loadOf(targets, { rounds: plan.loadRounds, seconds: plan.loadSeconds, connections });
  report(targets, { whole, stream, load, idle, connections });
} finally {
  await close();
  await stores.close();
}
