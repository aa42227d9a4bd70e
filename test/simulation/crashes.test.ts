/**
 * The operator is killed right after every single write of every workload, and started again. `CLOISTER_SIMULATION_SEED` begins another order of things.
 */
import { expect, test } from 'vitest';
import { complaints, undisturbedRun } from './compare.ts';
import { workloads } from './workloads.ts';

const seed = Number(process.env['CLOISTER_SIMULATION_SEED'] ?? 1);

test.each(workloads)('killed after any write while $name, a new process brings about the same', async (workload) => {
  const { problems, writes } = await undisturbedRun(workload, seed);
  expect(problems).toEqual([]);
  const wrong: string[] = [];
  for (const index of writes.keys()) wrong.push(...(await complaints(workload, `crash-after:${index}`, seed)));
  expect(wrong.join('\n')).toBe('');
});
