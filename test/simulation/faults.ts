/**
 * What can go wrong. A fault is written as text, so that a failure can say what to replay: its name, then numbers, such as `crash-after:12`,
 * `stale:4:10`; several at once are joined by `+`.
 */
import type { Trouble } from 'kube-model';
import {
  agentConfigs,
  controllerRevisions,
  deployments,
  modelProviders,
  namespaceKind,
  pods,
  secrets,
  tenantClasses,
  tenants,
} from '../../operator/src/kinds.ts';
import type { Call, Mishap } from './operator-process.ts';
import type { World } from './world.ts';

/** Fresh for every run: some keep count. */
export interface Faults {
  /** Asked about every call of every process while the workload goes on. `index` counts the writes from 0; undefined for reads. */
  readonly mishap: (call: Call, index: number | undefined, world: World) => Mishap | undefined;
  /** At the beginning of the workload. */
  readonly begin: (world: World) => void;
  /** How many calls were to meet a mishap until now. */
  readonly set: () => number;
  /** Those of the faults that have not struck yet. */
  readonly unmet: () => readonly string[];
}

/** One of them. */
interface Part {
  /** `beside`: it has struck, and the call goes on. */
  readonly mishap?: (call: Call, index: number | undefined, world: World) => Mishap | 'beside' | undefined;
  readonly begin?: (world: World) => void;
}

const refusal = (code: number, reason: string): Trouble => ({ code, reason, message: `the simulation says ${reason}` });

/** What an API server, or the way to it, answers on a bad day. */
const troubles: Readonly<Record<string, Trouble>> = {
  '409': refusal(409, 'Conflict'),
  '429': { code: 429, reason: 'TooManyRequests', message: 'later', retryAfterSeconds: 1 },
  '500': refusal(500, 'InternalError'),
  '503': refusal(503, 'ServiceUnavailable'),
  timeout: 'timeout',
  reset: 'reset',
};

type Maker = (...numbers: number[]) => Part;

const atWrite =
  (what: (world: World, ...numbers: number[]) => Mishap | 'beside'): Maker =>
  (index, ...rest) => ({ mishap: (_call, write, world) => (write === index ? what(world, ...rest) : undefined) });

/** The n-th call to the API server, reads included. */
const atCall =
  (mishap: Mishap): Maker =>
  (index) => {
    let calls = 0;
    return { mishap: ({ request }) => (request && calls++ === index ? mishap : undefined) };
  };

/** Every call to the API server, the first time that it is made. */
const everyCall =
  (mishap: Mishap): Maker =>
  () => {
    const met = new Set<string>();
    return {
      mishap: ({ request, what }) => {
        if (!request || met.has(what)) return undefined;
        met.add(what);
        return mishap;
      },
    };
  };

function fallBehind({ running }: World, lag = 5, kinds?: ReadonlySet<string>): 'beside' {
  for (const { connection } of running) {
    connection.lateKinds = kinds;
    connection.lag = lag;
  }
  return 'beside';
}

function goBack(world: World, versions = 5, kinds?: ReadonlySet<string>): Mishap {
  world.lagOfNext = { versions, kinds };
  return { crash: 'after' };
}

/** Those whose caches say what is to be, or how far it has come: each may be behind all others. */
export const kindsBehind: readonly string[] = [
  tenantClasses,
  controllerRevisions,
  tenants,
  agentConfigs,
  modelProviders,
  namespaceKind,
  secrets,
  deployments,
  pods,
].map(({ plural }) => plural);

const makers: Readonly<Record<string, Maker>> = {
  /** The process is gone before, or right after, a write was carried out. */
  'crash-before': atWrite(() => ({ crash: 'before' })),
  'crash-after': atWrite(() => ({ crash: 'after' })),
  /** The write is carried out, but nobody hears of it. */
  'answer-lost': atWrite(() => ({ after: 'timeout' })),
  'refused-409': atWrite(() => ({ before: troubles['409'] ?? 'reset' })),
  'refused-500': atWrite(() => ({ before: troubles['500'] ?? 'reset' })),
  /** The server forgets its history, and all watches: what they had not brought yet is never told as an event. */
  dropped: atWrite((world) => {
    for (const { connection } of world.running) for (const watch of connection.watches) watch.expire();
    world.server.compact();
    return 'beside';
  }),
  /** Watches fall behind by so many versions, and catch up bit by bit. */
  stale: atWrite((world, lag) => fallBehind(world, lag)),
  /** The same at every write. */
  'always-stale': (lag) => ({ mishap: (_call, write, world) => (write === undefined ? undefined : fallBehind(world, lag)) }),
  /** The process is gone after the write; the next one lists and watches at a server that is so many versions behind. */
  'back-in-time': atWrite((world, lag) => goBack(world, lag)),
  /** The same of one kind alone. */
  ...Object.fromEntries(
    kindsBehind.flatMap((plural): [string, Maker][] => [
      [`stale-${plural}`, atWrite((world, lag) => fallBehind(world, lag, new Set([plural])))],
      [`back-in-time-${plural}`, atWrite((world, lag) => goBack(world, lag, new Set([plural])))],
    ]),
  ),
  /** A second operator at work at the same time, with no lease between them. */
  'two-leaders': () => ({ begin: (world) => void world.startOperator() }),
  ...Object.fromEntries(
    Object.entries(troubles).flatMap(([name, trouble]): [string, Maker][] => [
      [`call-${name}`, atCall({ before: trouble })],
      [`call-${name}-done`, atCall({ after: trouble })],
      [`every-${name}`, everyCall({ before: trouble })],
      [`every-${name}-done`, everyCall({ after: trouble })],
    ]),
  ),
};

export const everyCallFaults: readonly string[] = Object.keys(makers).filter((name) => name.startsWith('every-'));

/** @throws Error for a name that is none. */
export function faultsFrom(text: string): Faults {
  const parts = new Map(text === '' ? [] : text.split('+').map((part) => [part.trim(), partFrom(part.trim())]));
  const unmet = new Set(parts.keys());
  let set = 0;
  return {
    set: () => set,
    unmet: () => [...unmet],
    begin: (world) => {
      for (const [name, { begin }] of parts) {
        begin?.(world);
        if (begin) unmet.delete(name);
      }
    },
    mishap: (call, index, world) => {
      let first: Mishap | undefined;
      for (const [name, { mishap }] of parts) {
        const strike = mishap?.(call, index, world);
        if (strike === undefined || (first && strike !== 'beside')) continue;
        unmet.delete(name);
        if (strike !== 'beside') first = strike;
      }
      if (first) set++;
      return first;
    },
  };
}

function partFrom(text: string): Part {
  const [name = '', ...numbers] = text.split(':');
  const make = makers[name];
  if (!make) throw new Error(`no fault is named "${name}"; expected one of ${Object.keys(makers).join(', ')}`);
  return make(...numbers.map(Number));
}
