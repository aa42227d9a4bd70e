/** Runs that go wrong, beside one that does not. */
import { differences } from './normalise.ts';
import { simulate, type Run } from './run.ts';
import type { Workload } from './workloads.ts';

type Outcome = Omit<Run, 'history' | 'deletions'>;
const undisturbed = new Map<string, Promise<Outcome>>();

/** The same workload and seed with nothing going wrong; run once. */
export function undisturbedRun(workload: Workload, seed: number): Promise<Outcome> {
  const id = `${workload.name} ${seed}`;
  // without the history: all of them at once would be too much
  const run = async () => {
    const { state, writes, rightsUsed, problems, unmet } = await simulate(workload, '', seed, { restart: true });
    return { state, writes, rightsUsed, problems, unmet };
  };
  const known = undisturbed.get(id) ?? run();
  undisturbed.set(id, known);
  return known;
}

/** A repaired fault may cost each object a few more writes, never a storm. */
const mostWrites = (undisturbedWrites: number): number => 4 * undisturbedWrites + 100;

/**
 * All that is wrong with a run under a fault: nothing, or lines for people, with the command that shows it again. That a fault never struck is
 * wrong unless it `mayMiss`.
 */
export async function complaints(workload: Workload, fault: string, seed: number, { mayMiss = false } = {}): Promise<string[]> {
  const wanted = await undisturbedRun(workload, seed);
  const found = await attempt(workload, fault, seed);
  const lines = typeof found === 'string' ? [found] : complaintsAbout(wanted, found, mayMiss);
  if (lines.length === 0) return [];
  const replay = JSON.stringify({ workload: workload.name, fault, seed });
  return [
    `"${workload.name}", fault "${fault}", seed ${seed}; to replay: CLOISTER_SIMULATION_REPLAY=${quoted(replay)} npx vitest run --project simulation replay`,
    ...lines.map((line) => `  ${line}`),
  ];
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

async function attempt(workload: Workload, fault: string, seed: number): Promise<Outcome | string> {
  try {
    return await simulate(workload, fault, seed);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function complaintsAbout(wanted: Outcome, found: Outcome, mayMiss: boolean): string[] {
  const storm = found.writes.length > mostWrites(wanted.writes.length);
  return [
    ...differences(wanted.state, found.state),
    ...found.problems,
    ...(mayMiss ? [] : found.unmet.map((fault) => `it never struck: ${fault}`)),
    ...(storm ? [`${found.writes.length} writes, where ${wanted.writes.length} were enough undisturbed`] : []),
  ];
}
