/**
 * `npm run build [workspace…]`: bundles operator, gateway and agent runtime, each into `dist/<workspace>.mjs`, which is all that an image holds.
 *
 * One file instead of node_modules takes two thirds of the start-up time away, and start-up is what a waking agent's caller waits for.
 * A source map and the licences of what is inside are written beside the bundle. Exits 1 when a bundle fails.
 */
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { bundles, type Bundle } from './bundles.ts';
import { licenceTexts, packageFolders } from './licences.ts';

const root = join(import.meta.dirname, '..');

/** CommonJS packages inside the bundle still call `require` for Node's own modules, which an ES module does not have. */
const requireShim = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`;

const options = ({ workspace, entry, folder, splits }: Bundle): BuildOptions & { metafile: true } => ({
  absWorkingDir: root,
  entryPoints: [{ in: entry, out: workspace }],
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  splitting: splits,
  bundle: true,
  platform: 'node',
  target: 'node26',
  format: 'esm',
  banner: { js: requireShim },
  define: { 'process.env.NODE_ENV': '"production"' },
  // Identifiers keep their names: they are what a stack trace in a log has to offer, and shortening them gains no start-up time.
  minifyWhitespace: true,
  minifySyntax: true,
  // Node prints the line of an uncaught error.
  lineLimit: 200,
  sourcemap: 'external',
  // They stand in full in the file beside the bundle.
  legalComments: 'none',
  metafile: true,
  // pg asks for its native sibling only when told to; it is not installed.
  external: ['pg-native'],
  logLevel: 'warning',
});

async function buildOne(bundle: Bundle): Promise<string> {
  const started = performance.now();
  const { workspace, folder } = bundle;
  await rm(join(root, folder), { recursive: true, force: true });
  const { metafile } = await build(options(bundle));
  await writeFile(join(root, folder, `${workspace}.licences.txt`), licenceTexts(root, packageFolders(metafile.inputs)));
  const main = join(folder, `${workspace}.mjs`);
  const { size } = await stat(join(root, main));
  const chunks = Object.keys(metafile.outputs).filter((path) => path.includes('/chunks/') && path.endsWith('.mjs'));
  const beside =
    chunks.length === 0 ? '' : ` + ${chunks.length} chunks of ${kibibytes(sum(chunks.map((path) => metafile.outputs[path]?.bytes ?? 0)))}`;
  return `${main}  ${kibibytes(size)}${beside}  ${(performance.now() - started).toFixed(0)} ms`;
}

const kibibytes = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function chosen(names: readonly string[]): readonly Bundle[] {
  const unknown = names.filter((name) => !bundles.some((bundle) => bundle.workspace === name));
  if (unknown.length > 0) {
    const known = bundles.map((bundle) => bundle.workspace).join(', ');
    throw new Error(`there is nothing to build under the name ${unknown.join(', ')}; choose among ${known}`);
  }
  return names.length === 0 ? bundles : bundles.filter((bundle) => names.includes(bundle.workspace));
}

for (const bundle of chosen(process.argv.slice(2))) console.log(await buildOne(bundle));
