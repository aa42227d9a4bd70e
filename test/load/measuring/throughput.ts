import type { Target } from '../targets.ts';
import { ask } from './ask.ts';
import { median, quantile, shuffled } from './statistics.ts';

export interface Load {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time of the target's process for one request: holds on a busy machine too, unlike the rate. */
  readonly cpu: number;
}

export interface LoadPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

/** As many requests as get through, over a fixed number of connections; one target at a time, in random order. */
export async function loadOf(targets: readonly Target[], { rounds, seconds, connections }: LoadPlan): Promise<Map<string, Load>> {
  const found = new Map<string, Load[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const target of shuffled(targets)) found.get(target.name)?.push(await loadOnce(target, seconds, connections));
  }
  return new Map([...found].map(([name, loads]) => [name, combine(loads)]));
}

function combine(loads: readonly Load[]): Load {
  const of = (part: keyof Load) => median(loads.map((load) => load[part]));
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), cpu: of('cpu') };
}

async function loadOnce(target: Target, seconds: number, connections: number): Promise<Load> {
  const totals: number[] = [];
  const cpuBefore = target.cpu();
  const started = performance.now();
  const until = started + seconds * 1000;
  const worker = async () => {
    while (performance.now() < until) totals.push((await ask(target, 'whole')).total);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const elapsed = (performance.now() - started) / 1000;
  const cpu = (target.cpu() - cpuBefore) / totals.length;
  return { perSecond: totals.length / elapsed, p50: median(totals), p99: quantile(totals, 0.99), cpu };
}
