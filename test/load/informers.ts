/**
 * What kube-runtime's cache costs, beside the least that could be done and beside @kubernetes/client-node's informer:
 * `node test/load/informers.ts [--quick]`.
 *
 * Method: a stub server in a process of its own; each informer in a fresh process, in random order, round by round. Events a second are
 * counted by the processor time of the informer's process, which is what one core would do, and which holds on a busy machine.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { run } from '../cluster/command.ts';
import { count, events } from './informers/deployments.ts';
import { machine } from './measuring/machine.ts';
import { median, shuffled } from './measuring/statistics.ts';
import { printTable } from './measuring/table.ts';
import { atLeast, atMost, printFigures } from './scale/figure.ts';
import { startServer } from './servers/start.ts';

const rounds = process.argv.includes('--quick') ? 1 : 7;
const subjects = ['raw', 'kube-runtime', 'client-node'] as const;

const lap = z.object({ clock: z.number(), processor: z.number() });
const taken = z.object({ list: lap, events: lap, heap: z.number() });
type Taken = z.infer<typeof taken>;

const stub = await startServer('deployments');
const results = new Map<string, Taken[]>(subjects.map((name) => [name, []]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(subjects)) {
      const output = await run(process.execPath, ['--expose-gc', join(import.meta.dirname, 'informers', `${name}.ts`), stub.said.url]);
      results.get(name)?.push(taken.parse(JSON.parse(output)));
    }
  }
} finally {
  await stub.close();
}

const middle = (name: string, of: (one: Taken) => number): number => median((results.get(name) ?? []).map(of));
const perSecond = (name: string): number => events / (middle(name, (one) => one.events.processor) / 1000);
const listing = (name: string): number => middle(name, (one) => one.list.clock);
const over = (name: string, of: (name: string) => number): string => `× ${(of(name) / of('raw')).toFixed(2)}`;

console.log(`# Informers\n\n${await machine()}\n- ${rounds} rounds; ${count} Deployments of 1.6 KB, then ${events} events\n`);
printTable(
  ['', 'list, ms', 'to raw', 'of the processor, ms', 'events/s on one core', 'to raw', 'heap, MiB'],
  subjects.map((name) => [
    name,
    listing(name).toFixed(0),
    over(name, listing),
    middle(name, (one) => one.list.processor).toFixed(0),
    perSecond(name).toFixed(0),
    over(name, perSecond),
    middle(name, (one) => one.heap).toFixed(1),
  ]),
);
printFigures('kube-runtime', [
  atLeast('watch events a second on one core', perSecond('kube-runtime'), 25_000, ''),
  atMost(`initial list of ${count} Deployments`, listing('kube-runtime'), 200, 'ms'),
]);
