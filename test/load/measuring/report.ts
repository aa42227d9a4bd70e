import type { Target } from '../targets.ts';
import type { Comparison } from './compare.ts';
import { printTable } from './table.ts';
import type { Load } from './throughput.ts';

/** All by the name of the target. */
export interface Figures {
  readonly whole: ReadonlyMap<string, Comparison>;
  readonly stream: ReadonlyMap<string, Comparison>;
  readonly load: ReadonlyMap<string, Load>;
  /** MiB before the first request. */
  readonly idle: ReadonlyMap<string, number>;
  readonly connections: number;
  /** Name of the target that the goals are measured against. */
  readonly baseline: string;
}

export function report(targets: readonly Target[], figures: Figures): void {
  const { connections } = figures;
  const header = [
    '',
    'JSON, ms',
    'added',
    '95 %',
    'first chunk, added',
    'stream, added',
    `JSON/s at ${connections}`,
    'p50 / p99, ms',
    'CPU, µs',
    'MiB idle → loaded',
  ];
  printTable(
    header,
    targets.map((target) => row(target, figures)),
  );
  console.log('');
  for (const { name } of targets.slice(1)) if (name !== figures.baseline) console.log(againstGoals(name, figures));
}

function row({ name, memory }: Target, { whole, stream, load, idle }: Figures): string[] {
  const [json, events, many] = [found(whole, name), found(stream, name), found(load, name)];
  const { added } = json.total;
  return [
    name,
    ms(json.total.median),
    ms(added.median),
    `${ms(added.low)} … ${ms(added.high)}`,
    ms(events.first.added.median),
    ms(events.total.added.median),
    many.perSecond.toFixed(0),
    `${ms(many.p50)} / ${ms(many.p99)}`,
    many.cpu.toFixed(0),
    `${found(idle, name).toFixed(0)} → ${memory().toFixed(0)}`,
  ];
}

function againstGoals(name: string, { whole, stream, load, baseline }: Figures): string {
  const ratio = (figure: (of: string) => number) => (figure(name) / figure(baseline)).toFixed(2);
  const json = ratio((of) => found(whole, of).total.added.median);
  const first = ratio((of) => found(stream, of).first.added.median);
  const total = ratio((of) => found(stream, of).total.added.median);
  const rate = ratio((of) => found(load, of).perSecond);
  const cpu = ratio((of) => found(load, of).cpu);
  return `${name}: adds ${json} × (JSON), ${first} × (first chunk), ${total} × (stream) what the ${baseline} adds (goal 1.5); ${rate} × its requests/s (goal 0.6); ${cpu} × its CPU`;
}

function found<T>(figures: ReadonlyMap<string, T>, name: string): T {
  const figure = figures.get(name);
  if (figure === undefined) throw new Error(`"${name}" was not measured`);
  return figure;
}

const ms = (value: number): string => value.toFixed(2);
