import type { Timings } from '../measuring/compare.ts';
import type { Interval } from '../measuring/statistics.ts';
import { printTable } from '../measuring/table.ts';
import type { Loads } from '../measuring/throughput.ts';
import { printFigures, type Figure } from '../scale/figure.ts';
import type { Target } from './target.ts';
import { baseline, wholePath } from './targets.ts';

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
  for (const name of ['egress', 'edge']) printFigures(name, againstPassThrough(name, direct.name, figures, loaded));
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

function againstPassThrough(name: string, direct: string, figures: Figures, loaded: ReadonlyMap<string, number>): Figure[] {
  const added = (of: ReadonlyMap<string, Timings>, part: 'first' | 'total') =>
    found(of, name).ratio(found(of, baseline), found(of, direct), part);
  const { whole, stream, load } = figures;
  const rate = found(load, name).ratio(found(load, baseline), 'perSecond');
  const memory = found(loaded, name) / found(loaded, baseline);
  return [
    ratio(`JSON, what it adds to what the ${baseline} adds`, added(whole, 'total'), 1.5),
    ratio('first chunk, the same', added(stream, 'first'), 1.5),
    ratio('whole stream, the same', added(stream, 'total'), 1.5),
    { what: `JSON/s at ${figures.connections} connections`, goal: '≥ 0.6 ×', measured: times(rate), holds: rate.median >= 0.6 },
    { what: 'memory after load', goal: '≤ 1.2 ×', measured: `${memory.toFixed(2)} ×`, holds: memory <= 1.2 },
  ];
}

const ratio = (what: string, measured: Interval, most: number): Figure => ({
  what,
  goal: `≤ ${most} ×`,
  measured: times(measured),
  holds: measured.median <= most,
});

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
const times = ({ median, low, high }: Interval): string => `${ms(median)} × (${ms(low)} … ${ms(high)})`;
