/**
 * What the gateway adds to a call: `node test/load/gateway.ts [--quick]`.
 *
 * Method: a stub of a model provider, a plain express + undici pass-through, egress and edge, each in a process of its own on loopback;
 * one client asks all of them in random order, round by round, so that whatever else the machine does hits all alike. Figures are medians
 * of rounds; differences to the direct call are taken within a round; the interval is a 95 % bootstrap over rounds.
 */
import { compare } from './measuring/compare.ts';
import { machine } from './measuring/machine.ts';
import { report } from './measuring/report.ts';
import { loadOf } from './measuring/throughput.ts';
import { openTargets } from './targets.ts';

const quick = process.argv.includes('--quick');
const plan = quick
  ? { rounds: 4, perRound: 10, loadRounds: 1, loadSeconds: 1 }
  : { rounds: 15, perRound: 30, loadRounds: 3, loadSeconds: 3 };
const connections = 32;

const opened = await openTargets();
const { targets } = opened;
try {
  console.log(`# Gateway\n\n${await machine()}\n${opened.notes.map((note) => `- ${note}`).join('\n')}`);
  console.log(
    `- ${plan.rounds} rounds of ${plan.perRound} sequential requests each, then ${connections} connections for ${plan.loadSeconds} s\n`,
  );
  const idle = new Map(targets.map(({ name, memory }) => [name, memory()]));
  const whole = await compare(targets, 'whole', plan);
  const stream = await compare(targets, 'stream', plan);
  const load = await loadOf(targets, { rounds: plan.loadRounds, seconds: plan.loadSeconds, connections });
  report(targets, { whole, stream, load, idle, connections, baseline: opened.baseline });
} finally {
  await opened.close();
}
