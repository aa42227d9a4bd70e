/** The suites that explore by chance, run once more by another chance than in `make test`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, lastLines } from '../cluster/command.ts';
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

const suites: readonly Suite[] = [
  {
    path: 'test/simulation/soak.test.ts',
    project: 'simulation',
    env: (seed) => ({ CLOISTER_SIMULATION_SEED: String(seed), CLOISTER_SIMULATION_SECONDS: '60' }),
    apiServer: false,
  },
  {
    path: 'kube-model/src/conformance.cluster.test.ts',
    project: 'cluster',
    env: (seed) => ({ CONFORMANCE_SEED: String(seed), CONFORMANCE_RUNS: '40' }),
    apiServer: true,
  },
];

const apiServerName = 'soak-model';

/** One line for each suite. */
export async function freshSeeds(seed: number, violated: (what: string) => void): Promise<string[]> {
  const lines: string[] = [];
  for (const suite of suites) {
    if (!existsSync(join(repository, suite.path))) continue;
    const { status, stdout } = await runSuite(suite, seed);
    if (status !== 0) violated(`${suite.path} with seed ${seed}: ${lastLines(stdout)}`);
    lines.push(`${suite.path}, seed ${seed}: ${status === 0 ? 'passed' : 'failed'}`);
  }
  return lines;
}

async function runSuite({ path, project, env, apiServer }: Suite, seed: number) {
  const command = ['run', '--project', project, path];
  if (!apiServer) return attempt('vitest', command, { cwd: repository, env: env(seed) });
  try {
    const { kubeconfig } = await startControlPlane({ name: apiServerName });
    return await attempt('vitest', command, { cwd: repository, env: { ...env(seed), CLOISTER_TEST_MODEL_KUBECONFIG: kubeconfig } });
  } finally {
    await stopCluster(apiServerName);
  }
}
