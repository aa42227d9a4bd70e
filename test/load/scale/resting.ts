import { setTimeout as pause } from 'node:timers/promises';
import { requestsPer } from './creating.ts';
import { atMost, plain, rounded, type Figure } from './figure.ts';
import { isWrite, operatorRequests } from './timeline.ts';
import type { World } from './world.ts';

/** A new process on a world that is as it should be. */
export async function restarts(world: World, rounds: number): Promise<Figure[]> {
  const ready: number[] = [];
  const quiet: number[] = [];
  const cpu: number[] = [];
  let writes = 0;
  for (let round = 0; round < rounds; round++) {
    await world.requests();
    const operator = await world.restart();
    ready.push(await operator.ready());
    quiet.push(await operator.settled());
    cpu.push(operator.cpu() / 1000);
    const since = (await world.requests()).filter(({ cameAt }) => cameAt >= operator.startedAt);
    writes += operatorRequests(since).filter(isWrite).length;
  }
  return [
    atMost(`restart → caches full and nothing left to do, slowest of ${rounds}`, Math.max(...quiet) / 1000, 10, 's'),
    atMost('writes after a restart', writes, 0, ''),
    plain('process started → caches full', each(ready)),
    plain('process started → quiet', each(quiet)),
    plain("operator's processor time until then", each(cpu)),
  ];
}

/** Nothing happens for a while, in which every tenant's data is checked once. */
export async function rest(world: World, seconds: number): Promise<Figure[]> {
  await world.requests();
  const operator = world.operator();
  const before = operator.cpu();
  await pause(seconds * 1000);
  const share = (operator.cpu() - before) / 1e6 / seconds;
  const requests = operatorRequests(await world.requests());
  return [
    atMost('writes at rest', requests.filter(isWrite).length, 0, ''),
    atMost(`processor at rest, over ${seconds} s`, share * 100, 2, '% of a core'),
    ...requestsPer('hour at rest, all tenants together, without watches', requests, seconds / 3600),
  ];
}

const each = (milliseconds: readonly number[]): string => `${milliseconds.map(rounded).join(', ')} ms`;
