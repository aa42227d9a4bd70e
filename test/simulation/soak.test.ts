/**
 * Random workloads, seeds, and two faults at once, for as long as `CLOISTER_SIMULATION_SECONDS` says. `CLOISTER_SIMULATION_SEED` begins another
 * sequence; without it, the sequence is the same every time.
 */
import { expect, test } from 'vitest';
import { complaints, undisturbedRun } from './compare.ts';
import { SeededRandom } from './random.ts';
import { workloads } from './workloads.ts';

const seconds = Number(process.env['CLOISTER_SIMULATION_SECONDS'] ?? 10);
const random = new SeededRandom(Number(process.env['CLOISTER_SIMULATION_SEED'] ?? 1));
const atAnyWrite = [
  'crash-before',
  'crash-after',
  'answer-lost',
  'refused-409',
  'refused-500',
  'dropped',
  'stale',
  'always-stale',
  'back-in-time',
] as const;
const atAnyCall = ['409', '429', '500', '500-done', '503', 'timeout', 'timeout-done', 'reset', 'reset-done'] as const;

function anyFault(writes: number): string {
  if (random.chance(0.1)) return 'two-leaders';
  if (random.chance(0.3)) return `call-${random.pick(atAnyCall) ?? '500'}:${random.below(writes * 3)}`;
  const name = random.pick(atAnyWrite) ?? 'crash-after';
  const lag = 1 + random.below(30);
  if (name === 'always-stale') return `${name}:${lag}`;
  return `${name}:${random.below(writes * 2)}${name === 'stale' || name === 'back-in-time' ? `:${lag}` : ''}`;
}

test('random seeds and pairs of faults', { timeout: (seconds + 300) * 1000 }, async () => {
  const end = Date.now() + seconds * 1000;
  const wrong: string[] = [];
  let runs = 0;
  while (Date.now() < end && wrong.length < 200) {
    const workload = random.pick(workloads);
    const seed = random.below(50);
    if (!workload) break;
    const { writes } = await undisturbedRun(workload, seed);
    const faults = [anyFault(writes.length), anyFault(writes.length)];
    wrong.push(...(await complaints(workload, [...new Set(faults)].join('+'), seed, { mayMiss: true })));
    runs++;
  }
  console.log(`${runs} random runs`);
  expect(wrong.join('\n')).toBe('');
  expect(runs).toBeGreaterThan(0);
});
