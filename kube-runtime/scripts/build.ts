/**
 * `npm run build -w kube-runtime`: makes `dist/`, the package as others install it; `npm publish ./kube-runtime/dist` would send it out.
 *
 * Within this repository the sources run as they are. Node strips types only outside of node_modules, so a package needs JavaScript
 * and declarations, and a package.json that points to them. Exits 1 when the sources do not compile.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const workspace = join(import.meta.dirname, '..');
const root = join(workspace, '..');
const dist = join(workspace, 'dist');

/** What is beside the code: the license and what people read. */
const copied: readonly (readonly [from: string, to: string])[] = [
  [join(root, 'LICENSE'), 'LICENSE'],
  [join(workspace, 'README.md'), 'README.md'],
  [join(workspace, 'docs'), 'docs'],
  [join(workspace, 'examples'), 'examples'],
];

function manifest(): object {
  const source: unknown = JSON.parse(readFileSync(join(workspace, 'package.json'), 'utf8'));
  const fields = Object.entries(source ?? {}).filter(([name]) => name !== 'private' && name !== 'scripts');
  const entry = { types: './lib/index.d.ts', default: './lib/index.js' };
  return { ...Object.fromEntries(fields), exports: { '.': entry }, types: entry.types, files: ['lib', 'docs', 'examples'] };
}

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', join(workspace, 'tsconfig.build.json')], { stdio: 'inherit' });
for (const [from, to] of copied) cpSync(from, join(dist, to), { recursive: true });
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
console.log(dist);
