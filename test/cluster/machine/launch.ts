import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { cacheDir } from '../paths.ts';
import { insidePath, programPath, type Builds } from '../programs/build.ts';
import type { Plan } from './plan.ts';
import { identityOf, type ProcessIdentity } from './process.ts';
import { directories } from './setup.ts';

/** Makes the directories that every machine has. */
export async function prepareDirectory(dir: string): Promise<void> {
  for (const directory of directories) await mkdir(join(dir, directory), { recursive: true });
  // mounted into every machine, whether or not anything was ever built into it
  for (const shared of ['bin', 'images']) await mkdir(join(cacheDir(), shared), { recursive: true });
}

/** Starts the machine of the plan and returns its first process. The machine outlives us. */
export async function launch(dir: string, plan: Plan, builds: Builds): Promise<ProcessIdentity> {
  const file = join(dir, 'config', 'plan.json');
  await writeFile(file, JSON.stringify(plan, null, 2));
  const printed = await run(programPath(builds, 'node'), ['launch', file], { env: { PATH: insidePath(builds) } });
  return identityOf(Number(printed.trim()));
}

/** The command that runs a program inside a machine, seeing its files, network and processes. */
export function enterMachine(pid: number, path: string, command: readonly string[]): { program: string; args: string[] } {
  const namespaces = ['--mount', '--pid', '--net', '--ipc', '--uts'];
  return { program: 'nsenter', args: ['--target', String(pid), ...namespaces, '--', 'env', `PATH=${path}`, ...command] };
}

/** The PATH of a running machine, as its first process has it. */
export async function pathOf(pid: number): Promise<string> {
  const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
  return environment.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
}
