import type { Timings } from '../measuring/compare.ts';
import type { Interval } from '../measuring/statistics.ts';
import { printTable } from '../measuring/table.ts';
import type { Loads } from '../measuring/throughput.ts';
import { plain, printFigures, type Figure } from '../scale/figure.ts';
import type { Target } from './target.ts';
import { baseline, dutiesOf, wholePath } from './targets.ts';

/** All by the name of the target. */
export interface Figures {
  readonly whole: ReadonlyMap<string, Timings>;
  readonly stream: ReadonlyMap<string, Timings>;
  readonly load: ReadonlyMap<string, Loads>;
  /** MiB before the first request. */
  readonly idle: ReadonlyMap<string, number>;
  readonly connections: number;
}

export function report(targets: readonly Target[], figures: Figures): void {
  const [direct] = targets;
  if (!direct) throw new Error('nothing was measured');
  printTable(
    [
      '',
      'JSON, ms',
      'added, ms (95 %)',
      'first chunk, added',
      'stream, added',
      `JSON/s at ${figures.connections}`,
      'p50 / p99, ms',
      'CPU s per 1,000',
      'MiB idle → loaded',
    ],
    targets.map((target) => row(target, direct.name, figures)),
  );
  const loaded = new Map(targets.map(({ name, memory }) => [name, memory()]));
  for (const name of ['egress', 'edge'] as const) {
    const of = { name, direct: direct.name, loaded };
    const duties = dutiesOf(name);
    printFigures(name, [...againstPassThrough(of, figures), ...againstDuties(duties, of, figures)]);
    printFigures(duties, againstPassThrough({ ...of, name: duties }, figures));
  }
  printFigures('the whole path', [
    timeOver('JSON over direct, p50', found(figures.whole, wholePath), found(figures.whole, direct.name), 0.5, 3),
    timeOver('JSON over direct, p99', found(figures.whole, wholePath), found(figures.whole, direct.name), 0.99, 10),
  ]);
}

function row({ name, memory }: Target, direct: string, { whole, stream, load, idle }: Figures): string[] {
  const [json, events, many] = [found(whole, name), found(stream, name), found(load, name)];
  const added = json.over(found(whole, direct), 'total');
  const streamDirect = found(stream, direct);
  return [
    name,
    ms(json.middle('total')),
    within(added),
    within(events.over(streamDirect, 'first')),
    within(events.over(streamDirect, 'total')),
    many.middle('perSecond').toFixed(0),
    `${ms(many.middle('p50'))} / ${ms(many.middle('p99'))}`,
    (many.middle('cpu') / 1000).toFixed(2),
    `${found(idle, name).toFixed(0)} → ${memory().toFixed(0)}`,
  ];
}

interface Beside {
  readonly name: string;
  /** What takes nothing for itself. */
  readonly direct: string;
  /** MiB after load. */
  readonly loaded: ReadonlyMap<string, number>;
}

/** What one target costs, as a multiple of what another does. */
function beside(other: string, { name, direct, loaded }: Beside, { whole, stream, load, connections }: Figures) {
  const added = (of: ReadonlyMap<string, Timings>, part: 'first' | 'total') =>
    found(of, name).ratio(found(of, other), found(of, direct), part);
  return {
    json: { what: `JSON, what it adds to what ${other} adds`, times: added(whole, 'total') },
    first: { what: 'first chunk, the same', times: added(stream, 'first') },
    stream: { what: 'whole stream, the same', times: added(stream, 'total') },
    rate: { what: `JSON/s at ${connections} connections`, times: found(load, name).ratio(found(load, other), 'perSecond') },
    memory: { what: 'memory after load', times: exactly(found(loaded, name) / found(loaded, other)) },
  };
}

const exactly = (value: number): Interval => ({ median: value, low: value, high: value });

function againstPassThrough(of: Beside, figures: Figures): Figure[] {
  const { json, first, stream, rate, memory } = beside(baseline, of, figures);
  return [
    ...[json, first, stream].map(({ what, times }) => ({ what, goal: '≤ 1.5 ×', measured: told(times), holds: times.median <= 1.5 })),
    { what: rate.what, goal: '≥ 0.6 ×', measured: told(rate.times), holds: rate.times.median >= 0.6 },
    { what: memory.what, goal: '≤ 1.2 ×', measured: told(memory.times), holds: memory.times.median <= 1.2 },
  ];
}

const againstDuties = (duties: string, of: Beside, figures: Figures): Figure[] =>
  Object.values(beside(duties, of, figures)).map(({ what, times }) => plain(what, told(times)));

/** A quantile of all requests over the median of the direct call. */
function timeOver(what: string, timings: Timings, direct: Timings, share: number, most: number): Figure {
  const over = timings.quantile('total', share) - direct.middle('total');
  return { what, goal: `≤ ${most} ms`, measured: `${ms(over)} ms`, holds: over <= most };
}

export function found<T>(figures: ReadonlyMap<string, T>, name: string): T {
  const figure = figures.get(name);
  if (figure === undefined) throw new Error(`"${name}" was not measured`);
  return figure;
}

const ms = (value: number): string => value.toFixed(2);
const within = ({ median, low, high }: Interval): string => `${ms(median)} (${ms(low)} … ${ms(high)})`;
const told = ({ median, low, high }: Interval): string => `${ms(median)} × (${ms(low)} … ${ms(high)})`;
