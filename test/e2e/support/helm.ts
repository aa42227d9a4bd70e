/** Helm as a platform engineer would call it, on the chart of this repository. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Finished } from './kubectl.ts';

export const chart = join(import.meta.dirname, '..', '..', '..', 'charts', 'cloister');

export type Helm = (...args: readonly string[]) => Finished;

/** With the cluster's own helm program. Runs to its end, whatever its exit code. */
export const helmOf =
  (binary: string): Helm =>
  (...args) => {
    const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
    return { code: status ?? -1, stdout, stderr };
  };
