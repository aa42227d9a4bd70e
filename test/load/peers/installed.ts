/** Software of others, installed when it is first measured, outside of this repository: `make clean` removes it. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../cluster/lock.ts';
import { cacheDir } from '../../cluster/paths.ts';

/** The folder of that name, which `install` has filled once. What is in it can't be moved, so a file says that it is complete. */
export async function installed(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir(), 'peers', name);
  await mkdir(join(cacheDir(), 'peers'), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(join(folder, 'complete'))) return;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await install(folder);
    await writeFile(join(folder, 'complete'), '');
  });
  return folder;
}
