import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { ClusterError } from './errors.ts';

/**
 * Runs `work` while no other process on the machine holds the same lock file. The kernel drops the lock with the process that holds
 * it, so a cut-off run never leaves one behind.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  // flock(1) holds the lock for as long as its `cat` lives, which is until our end of the pipe closes, on purpose or by our death
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'close');
  const outcome = await Promise.race([once(holder.stdout, 'data'), ended.then(() => 'ended' as const)]);
  if (outcome === 'ended') throw new ClusterError('command_failed', { command: `flock ${file}`, status: holder.exitCode ?? -1, tail: '' });
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
