import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { kept } from '../../cluster/kept.ts';

const module = join(import.meta.dirname, '../../cluster/kept.ts');
const parent = `
import { spawn } from 'node:child_process';
import { kept } from '${module}';
const child = spawn(...kept('sleep', '600'), { stdio: 'ignore' });
console.log(child.pid);`;

/** Also where whoever would have to notice its end has not yet: it is left as a zombie. */
function hasEnded(pid: string): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid.trim()}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test('a command that is kept ends with whoever started it, even if that is killed', async () => {
  const killed = spawn(process.execPath, ['--input-type=module', '-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(killed.stdout.setEncoding('utf8'), 'data')) as [string];
  expect(hasEnded(line)).toBe(false);
  killed.kill('SIGKILL');
  await expect.poll(() => hasEnded(line), { timeout: 4_000 }).toBe(true);
});

test('one whose starter has ended before the kernel was told does not begin', async () => {
  const late = spawn('sh', ['-c', '(sleep 0.3; exec "$@") >&2 & echo $!', 'sh', ...kept('sleep', '600').flat()], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(late.stdout.setEncoding('utf8'), 'data')) as [string];
  await sleep(1_000);
  expect(hasEnded(line)).toBe(true);
});
