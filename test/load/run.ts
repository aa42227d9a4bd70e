/** `make bench`: every benchmark of this folder, one after the other. Exits 1 when one fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const benchmarks = ['gateway.ts'];

for (const name of benchmarks) {
  const child = spawn(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' });
  await once(child, 'exit');
  if (child.exitCode !== 0) process.exitCode = 1;
}
