/**
 * Everything else that can happen at a write: refusals, lost answers, dropped events, caches behind, all or one, a new process whose caches are behind.
 *
 * Here each workload meets one of the kinds at every fourth write, caches that fall behind at every write, and trouble on every call: the core ones
 * all twelve troubles in turn, the others one. `CLOISTER_SIMULATION_SEED` begins another order of things in which every write is struck, and moves
 * on which kind strikes where: nine seeds in a row let every write meet every kind, twelve let every workload meet every trouble on every call.
 * The soak takes another one each time.
 */
import { describe, expect, test } from 'vitest';
import { complaints, undisturbedRun } from './compare.ts';
import { everyCallFaults, kindsBehind } from './faults.ts';
import { workloadNamed, workloads, type Workload } from './workloads.ts';

const given = process.env['CLOISTER_SIMULATION_SEED'];
const seed = Number(given ?? 2);
/** Every how-manyth write is struck: beside the crashes after every one, a share is what `make test` has time for. */
const stride = given === undefined ? 4 : 1;
/** By how many places the kinds move on. */
const turn = given === undefined ? 0 : seed;

/** At each write another one, so that over all workloads each meets every kind of write. */
const kinds = [
  'answer-lost',
  'dropped',
  'refused-500',
  'stale',
  'crash-before',
  'refused-409',
  'back-in-time',
  'stale in one',
  'back-in-time in one',
] as const;
const versions = 8;

/** `position` chooses the kind of what one cache alone is behind in. */
function faultAt(index: number, position: number): string {
  const turned = Math.floor(index / stride) + position + turn;
  const kind = kinds[turned % kinds.length] ?? 'stale';
  const plural = kindsBehind[Math.floor(turned / kinds.length) % kindsBehind.length] ?? '';
  const name = kind.replace(' in one', `-${plural}`);
  return /^(stale|back-in-time)/.test(name) ? `${name}:${index}:${versions}` : `${name}:${index}`;
}

/** They meet all troubles on every call. */
const core = [
  'a tenant and its agents are created',
  'an agent is edited',
  'a class changes',
  'a tenant is suspended, and active again',
  'a tenant is deleted',
].map((name) => workloadNamed(name));

const troublesOf = (workload: Workload, position: number): readonly string[] =>
  core.includes(workload) ? everyCallFaults : [everyCallFaults[(position + turn) % everyCallFaults.length] ?? ''];

describe.each(workloads.map((workload, position) => ({ workload, position, name: workload.name })))('$name', ({ workload, position }) => {
  test('a refusal, a lost answer, dropped events, stale caches or a new process that sees the past at any write change nothing in the end', async () => {
    const { writes } = await undisturbedRun(workload, seed);
    const wrong: string[] = [];
    for (let index = position % stride; index < writes.length; index += stride)
      wrong.push(...(await complaints(workload, faultAt(index, position), seed)));
    expect(wrong.join('\n')).toBe('');
  });

  test('caches that fall behind at every write change nothing in the end', async () => {
    expect((await complaints(workload, `always-stale:${versions}`, seed)).join('\n')).toBe('');
  });

  test('trouble on the first try of every call changes nothing in the end', async () => {
    const wrong: string[] = [];
    for (const fault of troublesOf(workload, position)) wrong.push(...(await complaints(workload, fault, seed)));
    expect(wrong.join('\n')).toBe('');
  });

  test('two operators at once, with no lease between them, bring about the same', async () => {
    expect((await complaints(workload, 'two-leaders', seed)).join('\n')).toBe('');
  });
});
