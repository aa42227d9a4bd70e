/** The TypeScript sources of the repository and what they import, as the architecture tests see them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { z } from 'zod';

export const root = resolve(import.meta.dirname, '..', '..');

const strings = z.record(z.string(), z.string());
const manifest = z.object({
  name: z.string(),
  workspaces: z.array(z.string()).default([]),
  dependencies: strings.default({}),
  devDependencies: strings.default({}),
});
export type Manifest = z.infer<typeof manifest>;

export const readManifest = (folder: string): Manifest =>
  manifest.parse(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')));

export const workspaces: readonly string[] = readManifest('.').workspaces;

/** Name of a workspace's package → its folder. */
export const folderOf: ReadonlyMap<string, string> = new Map(workspaces.map((folder) => [readManifest(folder).name, folder]));

export interface Source {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Packages by name, without sub-path and without Node's own. */
  readonly packages: readonly string[];
  /** Files within the repository, relative to the root. */
  readonly files: readonly string[];
}

/** Every .ts file below a folder, in order. */
export function sourcesOf(folder: string): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .map((entry) => ({ entry, path: relative(root, join(entry.parentPath, entry.name)).split(sep).join('/') }))
    .filter(({ entry, path }) => entry.isFile() && path.endsWith('.ts') && !/(^|\/)(node_modules|dist)\//.test(path))
    .map(({ path }) => source(path))
    .sort((a, b) => a.path.localeCompare(b.path));
}

/** What ends up in an image or is exported to others: all that the entries of a workspace import, near or far. Tests and tools are not. */
export function shippedOf(workspace: string, sources: readonly Source[]): Source[] {
  const byPath = new Map(sources.map((found) => [found.path, found]));
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const file of byPath.get(path)?.files ?? []) visit(file);
  };
  for (const entry of ['main.ts', 'index.ts']) visit(`${workspace}/src/${entry}`);
  return sources.filter(({ path }) => reached.has(path));
}

function source(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const imported = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const bare = imported.filter((name) => !name.startsWith('.') && !name.startsWith('node:'));
  const files = imported.filter((name) => name.startsWith('.'));
  return {
    path,
    text,
    packages: [...new Set(bare.map(packageName))],
    files: files.map((name) =>
      relative(root, resolve(root, path, '..', name))
        .split(sep)
        .join('/'),
    ),
  };
}

/** `express` for `express/lib/router`, `@scope/name` for `@scope/name/deep`. */
const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
