import { defineConfig } from 'vitest/config';

/**
 * Six tiers. `unit` needs nothing but Node, nor does `simulation`, which takes minutes; `cluster` needs a running embedded cluster (etcd,
 * API server, Postgres, Redis); `faults` needs its Postgres and Redis, and starts API servers of its own to break; `e2e` needs the whole
 * product on the cluster, and so does `serving`, which takes things away under it. `make test` runs all six and starts what they need.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{kube-runtime,kube-model,tenancy,identity,certificates,telemetry,settings,api-errors,operator,gateway,agent-runtime}/src/**/*.test.ts',
            'test/unit/**/*.test.ts',
          ],
          exclude: ['**/*.cluster.test.ts', '**/node_modules/**'],
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          // A test is hundreds of runs; how long they take is no result.
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: [
            '{kube-runtime,kube-model,operator,gateway,agent-runtime}/src/**/*.cluster.test.ts',
            'test/{cluster,admission}/**/*.cluster.test.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/operator/**/*.test.ts'],
          // Each has its own API server, and most of their time is waiting for leases and tokens to run out.
          maxWorkers: 3,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'serving',
          include: ['test/faults/serving/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/isolation/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
