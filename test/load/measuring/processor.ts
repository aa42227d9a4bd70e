/** Who used the machine's processors, as Linux counts it: proc(5). */
import { readdirSync, readFileSync } from 'node:fs';
import { cpuMicroseconds } from './process.ts';

interface Reading {
  /** Microseconds of all processors together, and how much of that they worked. */
  readonly total: number;
  readonly busy: number;
  /** Microseconds by program. */
  readonly programs: ReadonlyMap<string, number>;
}

export interface Use {
  /** Share of the machine's processors that worked, 0 to 1. */
  readonly busy: number;
  /** Of the time that they worked, whose share was how much; the largest first. */
  readonly shares: readonly (readonly [program: string, share: number])[];
  /** What the programs that are counted used together, whatever else the machine did; seconds. */
  readonly seconds: number;
}

/** Begins to count; the answer tells what was used since. `roots` are processes that are counted with all that descend from them. */
export function countUse(roots: readonly number[]): () => Use {
  const before = read(roots);
  return () => {
    const after = read(roots);
    const busy = after.busy - before.busy;
    const used = [...after.programs].map(([name, time]) => [name, time - (before.programs.get(name) ?? 0)] as const);
    const shares = used.map(([name, time]) => [name, time / busy] as const);
    return {
      busy: busy / (after.total - before.total),
      shares: shares.sort((a, b) => b[1] - a[1]),
      seconds: used.reduce((sum, [, time]) => sum + time, 0) / 1e6,
    };
  };
}

function read(roots: readonly number[]): Reading {
  const fields = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map((ticks) => Number(ticks) * 10_000);
  const total = fields.slice(0, 8).reduce((sum, time) => sum + time, 0);
  const [, , , idle = 0, waiting = 0] = fields;
  const programs = new Map<string, number>();
  for (const pid of withDescendants(roots)) {
    const name = programOf(pid);
    if (name) programs.set(name, (programs.get(name) ?? 0) + cpuMicroseconds(pid));
  }
  return { total, busy: total - idle - waiting, programs };
}

/** Processor time so far of these processes and of all that descend from them, in microseconds; of those that have ended, none. */
export const cpuOfAll = (roots: readonly number[]): number =>
  withDescendants(roots)
    .filter((pid) => programOf(pid) !== '')
    .reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);

function withDescendants(roots: readonly number[]): number[] {
  const children = Map.groupBy(readdirSync('/proc').map(Number).filter(Number.isInteger), parentOf);
  const found = [...roots];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return [...new Set(found)];
}

const parentOf = (pid: number): number => Number(textOf(pid, 'stat').split(') ')[1]?.split(' ')[1] ?? 0);

/** One binary may be several programs: then its first argument says which. */
function programOf(pid: number): string {
  const [path = '', first = ''] = textOf(pid, 'cmdline').split('\0');
  const name = path.split(/[ :]/)[0]?.split('/').at(-1) ?? '';
  return name === 'node' || name === 'kube' ? (first.split('/').at(-1) ?? name) : name;
}

/** Empty for a process that has ended meanwhile. */
function textOf(pid: number, file: 'stat' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
