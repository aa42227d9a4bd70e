/**
 * A process that starts while its lists are behind, in the middle of a rollout: what a class said once moves nobody back. `troubles` has the like for
 * every workload, at a share of the writes.
 */
import { expect, test } from 'vitest';
import { complaints, undisturbedRun } from './compare.ts';
import { rollouts } from './rollouts.ts';
import { workloadNamed } from './workloads.ts';

/** With these a canary went back and on again: a look that began with the tenant of before wrote that over what had been told since. */
const seed = 65289;
const versions = 8;
/** From the edit of the class until the second wave. */
const firstWrites = 14;

test.each(rollouts)('started behind after any of the first writes while $name, a new process moves nobody back', async (workload) => {
  const wrong: string[] = [];
  for (let index = 0; index < firstWrites; index++) wrong.push(...(await complaints(workload, `back-in-time:${index}:${versions}`, seed)));
  expect(wrong.join('\n')).toBe('');
});

test.each(rollouts)('nor does one to which the class alone is of the past, or its revisions, while $name', async (workload) => {
  const wrong: string[] = [];
  for (let index = 0; index < firstWrites; index++) {
    for (const [kind, lag] of [
      ['tenantclasses', versions],
      ['tenantclasses', 4 * versions],
      ['controllerrevisions', 4 * versions],
    ] as const)
      wrong.push(...(await complaints(workload, `back-in-time-${kind}:${index}:${lag}`, seed)));
  }
  expect(wrong.join('\n')).toBe('');
});

test('nor is a certificate made by an authority of the past, where Secrets alone are heard of late', async () => {
  const workload = workloadNamed("edge's identity and the authority of agents are rotated on demand");
  const { writes } = await undisturbedRun(workload, seed);
  const wrong: string[] = [];
  // From when the next authority is made.
  for (let index = 8; index < writes.length; index++) {
    for (const lag of [versions, 14]) wrong.push(...(await complaints(workload, `back-in-time-secrets:${index}:${lag}`, seed)));
  }
  expect(wrong.join('\n')).toBe('');
});
