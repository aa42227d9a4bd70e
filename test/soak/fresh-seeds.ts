/** The suites that explore by chance, run once more by another chance than in `make test`: one at a time, each in its turn. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { attempt } from '../cluster/command.ts';
import { startControlPlane, stopCluster } from '../cluster/index.ts';
import { repository } from '../cluster/paths.ts';

interface Suite {
  readonly path: string;
  readonly project: string;
  /** The variables that give it its chance. */
  readonly env: (seed: number) => Readonly<Record<string, string>>;
  /** Needs an API server that nobody else touches. */
  readonly apiServer: boolean;
}

const simulated = (name: string, more: Readonly<Record<string, string>> = {}): Suite => ({
  path: `test/simulation/${name}.test.ts`,
  project: 'simulation',
  env: (seed) => ({ CLOISTER_SIMULATION_SEED: String(seed), ...more }),
  apiServer: false,
});

export const suites: readonly Suite[] = [
  simulated('troubles'),
  simulated('transitions'),
  simulated('soak', { CLOISTER_SIMULATION_SECONDS: '60' }),
  simulated('crashes'),
  {
    path: 'kube-model/src/conformance.cluster.test.ts',
    project: 'cluster',
    env: (seed) => ({ CONFORMANCE_SEED: String(seed), CONFORMANCE_RUNS: '40' }),
    apiServer: true,
  },
];

const apiServerName = 'soak-model';

export interface Turn {
  /** Counted from 0. */
  readonly turn: number;
  readonly seed: number;
  /** Where what a suite says is kept. */
  readonly directory: string;
  readonly violated: (what: string) => void;
  /** Ends it: the promise rejects. */
  readonly signal: AbortSignal;
}

/** Runs the suite whose turn it is. Returns a line that tells of it. */
export async function freshSeed({ turn, seed, directory, violated, signal }: Turn): Promise<string> {
  const suite = suites[turn % suites.length];
  if (!suite) throw new RangeError('there is no suite');
  const began = performance.now();
  const { status, stdout, stderr } = await runSuite(suite, { seed, signal });
  const log = join(directory, `${basename(suite.path)}-${seed}.log`);
  await mkdir(dirname(log), { recursive: true });
  await writeFile(log, stdout + stderr);
  if (status !== 0) violated(`${suite.path} with seed ${seed}: see ${log}`);
  return `${suite.path}, seed ${seed}: ${status === 0 ? 'passed' : 'failed'} in ${((performance.now() - began) / 1000).toFixed(0)} s`;
}

async function runSuite({ path, project, env, apiServer }: Suite, { seed, signal }: Pick<Turn, 'seed' | 'signal'>) {
  const command = ['run', '--project', project, path];
  if (!apiServer) return attempt('vitest', command, { cwd: repository, env: env(seed), signal });
  try {
    const { kubeconfig } = await startControlPlane({ name: apiServerName });
    return await attempt('vitest', command, { cwd: repository, env: { ...env(seed), CLOISTER_TEST_MODEL_KUBECONFIG: kubeconfig }, signal });
  } finally {
    await stopSuite();
  }
}

/** Takes down what a suite had started, where it was not given the time to do so itself. */
export const stopSuite = (): Promise<void> => stopCluster(apiServerName);
