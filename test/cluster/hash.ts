import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Twelve hex digits that change with the name or the content of any file in the given files and folders, or with `extra`. */
export async function hashOf(paths: readonly string[], extra = ''): Promise<string> {
  const hash = createHash('sha256').update(extra);
  for (const path of paths) {
    for (const file of await filesUnder(path)) {
      hash.update(`\0${relative(path, file)}\0`).update(await readFile(file));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

async function filesUnder(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
