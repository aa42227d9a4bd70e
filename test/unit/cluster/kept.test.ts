import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const module = join(import.meta.dirname, '../../cluster/kept.ts');
const parent = `
import { spawn } from 'node:child_process';
import { kept } from '${module}';
const child = spawn(...kept('sleep', '600'), { stdio: 'ignore' });
console.log(child.pid);`;

test('a command that is kept ends with whoever started it, even if that is killed', async () => {
  const killed = spawn(process.execPath, ['--input-type=module', '-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(killed.stdout.setEncoding('utf8'), 'data')) as [string];
  const folder = `/proc/${line.trim()}`;
  expect(existsSync(folder)).toBe(true);
  killed.kill('SIGKILL');
  await expect.poll(() => existsSync(folder), { timeout: 5_000 }).toBe(false);
});
