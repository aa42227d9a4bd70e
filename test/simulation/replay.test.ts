/** One run again: the one that `CLOISTER_SIMULATION_REPLAY` names, as a failure printed it. Without it, that a run can be had again at all. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { complaints } from './compare.ts';
import { simulate } from './run.ts';
import { workloadNamed } from './workloads.ts';

const asked = process.env['CLOISTER_SIMULATION_REPLAY'];
const replay = z.object({ workload: z.string(), fault: z.string(), seed: z.int() });

test('the same workload, fault and seed give the same run, write for write', async () => {
  const workload = workloadNamed('a tenant is created again under the same name');
  const trace = async () => {
    const { history, state, writes } = await simulate(workload, 'crash-after:31+two-leaders', 7);
    const changes = history.map(({ who, verb, served, key, version }) => `${version} ${who} ${verb} ${served.kind.kind} ${readable(key)}`);
    return { changes, state: [...state], writes: writes.map(readable) };
  };
  expect(await trace()).toEqual(await trace());
});

/** Without the random ends of the names of Events. */
const readable = (text: string): string => text.replaceAll(/\.[0-9a-f]{16}/g, '.…');

test.runIf(asked)('replayed', { timeout: 600_000 }, async () => {
  const { workload, fault, seed } = replay.parse(JSON.parse(asked ?? '{}'));
  const mayMiss = fault.includes('+'); // of two, the first may leave no call to the second
  expect((await complaints(workloadNamed(workload), fault, seed, { mayMiss })).join('\n')).toBe('');
});
