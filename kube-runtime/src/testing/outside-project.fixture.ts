import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const workspace = join(import.meta.dirname, '..', '..');
const modules = join(workspace, '..', 'node_modules');

/** A project outside of this repository, with kube-runtime installed as `npm pack` made it and nothing that its manifest does not name. */
export interface OutsideProject {
  readonly folder: string;
  /** What the tarball holds. */
  readonly packed: readonly string[];
}

/** Installed offline: the dependencies are links to those of this repository. The example operator is copied into it. */
export function outsideProject(): OutsideProject {
  const folder = mkdtempSync(join(tmpdir(), 'kube-runtime-'));
  const installed = join(folder, 'node_modules', 'kube-runtime');
  mkdirSync(installed, { recursive: true });
  execFileSync(process.execPath, [join(workspace, 'scripts', 'build.ts')]);
  const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, join(workspace, 'dist')], {
    encoding: 'utf8',
  }).trim();
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']);
  const packed = execFileSync('tar', ['-tzf', join(folder, tarball)], { encoding: 'utf8' })
    .trim()
    .split('\n');
  for (const name of [...dependenciesOf(installed), '@types/node', 'undici-types']) link(name, folder);
  cpSync(join(installed, 'examples', 'hello-operator.ts'), join(folder, 'hello-operator.ts'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'outside', private: true, type: 'module' }));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['hello-operator.ts'] }));
  return { folder, packed };
}

function dependenciesOf(installed: string): string[] {
  const manifest: unknown = createRequire(import.meta.url)(join(installed, 'package.json'));
  if (typeof manifest !== 'object' || manifest === null || !('dependencies' in manifest))
    throw new Error('the package has no dependencies');
  return Object.keys(manifest.dependencies ?? {});
}

function link(name: string, folder: string): void {
  const target = join(folder, 'node_modules', name);
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(join(modules, name), target);
}

/** Types of the example and of every declaration of the package; throws with the compiler's words. */
export function checkTypes({ folder }: OutsideProject): void {
  execFileSync(process.execPath, [join(modules, 'typescript', 'bin', 'tsc'), '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
}

/** Reads a file of the installed package. */
export const readInstalled = ({ folder }: OutsideProject, name: string): string =>
  readFileSync(join(folder, 'node_modules', 'kube-runtime', name), 'utf8');
