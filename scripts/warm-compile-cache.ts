/**
 * Run while an image is built: starts the bundle once, so that Node leaves its compiled code in the folder NODE_COMPILE_CACHE.
 *
 *   NODE_COMPILE_CACHE=/app/compile-cache node warm-compile-cache.ts /app/operator.mjs
 *
 * Saves a starting pod about 30 of 170 ms of CPU and 3 MB. Without its settings the bundle ends at once, which is enough: by then all of its
 * modules were evaluated. The cache fits one Node version, path and user, so this must run as the image does. Fails when there is no cache,
 * which is so when the bundle cannot even be parsed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const [bundle] = process.argv.slice(2);
const folder = process.env['NODE_COMPILE_CACHE'];
if (bundle === undefined || folder === undefined) throw new Error('expected the path of a bundle, and NODE_COMPILE_CACHE to name a folder');

const { status, stderr } = spawnSync(process.execPath, [bundle], { encoding: 'utf8', timeout: 30_000 });
// One folder for this Node and user, in it one file for each module.
const cached = existsSync(folder) && readdirSync(folder, { recursive: true }).length > 1;
if (!cached) throw new Error(`${bundle} left no compiled code and ended with ${status ?? 'a signal'}:\n${stderr}`);
