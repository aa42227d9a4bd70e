/** Helm as a platform engineer would call it, on the chart of this repository. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildPrograms, programPath } from '../../cluster/programs/build.ts';
import type { Finished } from './kubectl.ts';

export const chart = join(import.meta.dirname, '..', '..', '..', 'charts', 'cloister');

export type Helm = (...args: readonly string[]) => Finished;

/** Built already by whoever started the cluster. */
export async function openHelm(): Promise<Helm> {
  const binary = programPath(await buildPrograms(['helm']), 'helm');
  return (...args) => {
    const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
    return { code: status ?? -1, stdout, stderr };
  };
}
