/** `make bench`: every benchmark of this folder, one after the other. Arguments: numbers of tenants. Exits 1 when one fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const benchmarks: readonly (readonly [name: string, ...args: string[]])[] = [
  ['gateway.ts'],
  ['features.ts'],
  ['budget.ts'],
  ['ledger.ts'],
  ['tenants.ts'],
  ['floods.ts'],
  ['informers.ts'],
  ['scale.ts', ...process.argv.slice(2)],
];

for (const [name, ...args] of benchmarks) {
  const child = spawn(process.execPath, [join(import.meta.dirname, name), ...args], { stdio: 'inherit' });
  await once(child, 'exit');
  if (child.exitCode !== 0) process.exitCode = 1;
}
