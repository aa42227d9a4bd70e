/** Everything else that can happen at a write: refusals, lost answers, dropped events, caches behind. */
import { describe, expect, test } from 'vitest';
import { complaints, undisturbedRun } from './compare.ts';
import { everyCallFaults } from './faults.ts';
import { workloads } from './workloads.ts';

const seed = 2;
/** Every how-manyth write is struck: beside the crashes after every one, a share is what `make test` has time for. The soak strikes all. */
const stride = process.env['CLOISTER_SIMULATION_SECONDS'] === undefined ? 4 : 1;

/** At each write another one, so that over all workloads each meets every kind of write. */
const kinds = ['answer-lost', 'dropped', 'refused-500', 'stale', 'crash-before', 'refused-409'] as const;

describe.each(workloads.map((workload, position) => ({ workload, position, name: workload.name })))('$name', ({ workload, position }) => {
  test('a refusal, a lost answer, dropped events or stale caches at any write change nothing in the end', async () => {
    const { writes } = await undisturbedRun(workload, seed);
    const wrong: string[] = [];
    for (let index = position % stride; index < writes.length; index += stride) {
      const kind = kinds[(Math.floor(index / stride) + position) % kinds.length] ?? 'stale';
      wrong.push(...(await complaints(workload, kind === 'stale' ? `stale:${index}:8` : `${kind}:${index}`, seed)));
    }
    expect(wrong.join('\n')).toBe('');
  });

  test('trouble on the first try of every call changes nothing in the end', async () => {
    const fault = everyCallFaults[position % everyCallFaults.length] ?? '';
    expect((await complaints(workload, fault, seed)).join('\n')).toBe('');
  });

  test('two operators at once, with no lease between them, bring about the same', async () => {
    expect((await complaints(workload, 'two-leaders', seed)).join('\n')).toBe('');
  });
});
