import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { z } from 'zod';

const manifest = z.object({ name: z.string(), version: z.string(), license: z.string().default('see its text') });

/** The folders of the packages whose files went into a bundle: `node_modules/x`, `node_modules/@scope/y`, nested ones included. */
export const packageFolders = (inputs: Metafile['inputs']): string[] =>
  [...new Set(Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))].sort();

/** Name, version and licence text of each of these packages, as their licences ask of those who pass them on. `root` is the repository's. */
export function licenceTexts(root: string, folders: readonly string[]): string {
  return folders.map((folder) => licenceText(join(root, folder))).join(`\n${'-'.repeat(80)}\n`);
}

function licenceText(folder: string): string {
  const { name, version, license } = manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  return [`${name} ${version} (${license})`, ...texts.map((file) => readFileSync(join(folder, file), 'utf8').trim())].join('\n\n');
}
