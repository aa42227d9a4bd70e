/** Helm as a platform engineer would call it, on the chart of this repository. */
import { namespaces } from '@cloister/tenancy';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { run } from '../../cluster/command.ts';
import type { Finished } from './kubectl.ts';
import type { World } from './world.ts';

export const chart = join(import.meta.dirname, '..', '..', '..', 'charts', 'cloister');
export const release = 'cloister';

export type Helm = (...args: readonly string[]) => Finished;

/** With the cluster's own helm program. Runs to its end, whatever its exit code. */
export const helmOf =
  (binary: string): Helm =>
  (...args) => {
    const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
    return { code: status ?? -1, stdout, stderr };
  };

/** On what is installed. Gives its output; throws where it fails. */
export const helmOn = ({ cluster }: World, ...args: readonly string[]): Promise<string> =>
  run(cluster.helm, [...args, '-n', namespaces.system], { env: { KUBECONFIG: cluster.kubeconfig } });

const revisions = z.tuple([z.looseObject({ revision: z.string() })]);

export async function revisionOf(world: World): Promise<string> {
  const [{ revision }] = revisions.parse(JSON.parse(await helmOn(world, 'list', '-f', `^${release}$`, '-o', 'json')));
  return revision;
}

const settled = ['--wait', '--timeout', '3m'] as const;

/** How to come back to what is installed now, whatever becomes of it: pods of that serve afterwards. */
export async function wayBack(world: World): Promise<() => Promise<unknown>> {
  const before = await revisionOf(world);
  return () => helmOn(world, 'rollback', release, before, ...settled);
}

/** Upgrades what is installed to other values, by their paths. Pods of the change serve afterwards. */
export async function setValues(world: World, values: Readonly<Record<string, unknown>>): Promise<void> {
  const set = Object.entries(values).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`]);
  await helmOn(world, 'upgrade', release, chart, '--reset-then-reuse-values', ...set, ...settled);
}
