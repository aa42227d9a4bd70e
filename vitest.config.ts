import { defineConfig, type UserWorkspaceConfig } from 'vitest/config';
import { SetUpReporter } from './test/runner/set-up-reporter.ts';

/** Tests on the installed product that measure how soon something happens, or change what is installed, and want the cluster for themselves. */
const timing = ['lifecycle', 'rotation', 'issued-keys', 'oidc', 'replicas', 'edge-replicas', 'failover'].map(
  (name) => `test/e2e/${name}.test.ts`,
);
/** Counts what is written while nobody does anything. */
const rest = ['test/e2e/steady.test.ts'];

/**
 * Eight tiers. `unit` needs nothing but Node, nor does `simulation`, which takes minutes; `cluster` needs a running embedded cluster (etcd,
 * API server, Postgres, Redis); `faults` needs Postgres and Redis, and starts API servers and a Postgres of its own to break; the others need the whole
 * product on the cluster: `rest`, in which nobody else may touch it, `e2e`, whose files run side by side, each with tenants of its own, `timing`,
 * and `serving`, which takes things away under it. `make test` runs all eight and starts what they need.
 */
const tiers: readonly NonNullable<UserWorkspaceConfig['test']>[] = [
  {
    name: 'unit',
    include: [
      '{kube-runtime,kube-model,tenancy,identity,certificates,telemetry,settings,api-errors,operator,gateway,agent-runtime}/src/**/*.test.ts',
      'test/unit/**/*.test.ts',
    ],
    exclude: ['**/*.cluster.test.ts', '**/node_modules/**'],
    maxWorkers: 2,
    // Ends what hangs; how long a test takes on a busy machine is no result.
    testTimeout: 30_000,
  },
  {
    name: 'simulation',
    include: ['test/simulation/**/*.test.ts'],
    // A test is hundreds of runs; how long they take is no result.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
  {
    name: 'cluster',
    include: [
      '{kube-runtime,kube-model,operator,gateway,agent-runtime}/src/**/*.cluster.test.ts',
      'test/{cluster,admission,postgres}/**/*.cluster.test.ts',
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
  {
    name: 'faults',
    include: ['test/faults/{operator,egress}/**/*.test.ts'],
    // Each has its own server to break, and most of their time is waiting for leases and tokens to run out.
    maxWorkers: 3,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
  {
    name: 'serving',
    include: ['test/faults/serving/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    fileParallelism: false,
  },
  {
    name: 'rest',
    include: rest,
    testTimeout: 120_000,
    hookTimeout: 420_000,
  },
  {
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts', 'test/isolation/**/*.test.ts'],
    exclude: [...timing, ...rest],
    // Most of their time is waiting for pods to come and go.
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 420_000,
  },
  {
    name: 'timing',
    include: timing,
    testTimeout: 120_000,
    hookTimeout: 420_000,
    fileParallelism: false,
  },
];

/** Where `make test` is to find which set-ups failed, beside its JSON report. */
const setUps = process.env['CLOISTER_SET_UPS'];

export default defineConfig({
  test: {
    // The message is all that the summary of a whole run tells of a failure: it names the values.
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: setUps === undefined ? ['default'] : ['default', 'json', new SetUpReporter(setUps)],
    projects: tiers.map((test) => ({ extends: true, test })),
  },
});
