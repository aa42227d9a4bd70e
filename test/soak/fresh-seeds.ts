/** The suites that explore by chance, run once more by another chance than in `make test`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../cluster/paths.ts';
import { attempt, lastLines } from '../cluster/command.ts';

/** Folders of such suites, each with the vitest project that runs them. They read SEED. */
const suites = [{ folder: 'test/simulation', project: 'unit' }] as const;

/** One line for each suite that there is. */
export async function freshSeeds(seed: number, violated: (what: string) => void): Promise<string[]> {
  const lines: string[] = [];
  for (const { folder, project } of suites) {
    if (!existsSync(join(repository, folder))) continue;
    const { status, stdout } = await attempt('vitest', ['run', '--project', project, folder], {
      cwd: repository,
      env: { SEED: String(seed) },
    });
    if (status !== 0) violated(`${folder} with SEED=${seed}: ${lastLines(stdout)}`);
    lines.push(`${folder} SEED=${seed}: ${status === 0 ? 'passed' : 'failed'}`);
  }
  return lines;
}
