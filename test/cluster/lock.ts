import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ClusterError } from './errors.ts';

/**
 * Runs `work` while no other process on the machine holds the same lock file. The kernel drops the lock with the process that holds
 * it, so a cut-off run never leaves one behind. Whoever holds the lock may remove the file: those who wait for it then wait again.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const holder = await acquire(file);
  try {
    return await work();
  } finally {
    await release(holder);
  }
}

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/** flock(1) holds the lock for as long as its `cat` lives, which is until our end of the pipe closes, on purpose or by our death. */
async function acquire(file: string): Promise<Holder> {
  for (;;) {
    await mkdir(dirname(file), { recursive: true });
    const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(holder, 'close').then(() => 'ended' as const);
    if ((await Promise.race([once(holder.stdout, 'data'), ended])) === 'ended') {
      throw new ClusterError('command_failed', { command: `flock ${file}`, status: holder.exitCode ?? -1, tail: '' });
    }
    if (await holds(holder, file)) return holder;
    await release(holder);
  }
}

/** False when the file was removed, and perhaps made anew, while we waited: then we hold the lock of a file that nobody else sees. */
async function holds(holder: Holder, file: string): Promise<boolean> {
  const [held, seen] = await Promise.all([`/proc/${holder.pid ?? 0}/fd/3`, file].map((path) => stat(path).catch(() => undefined)));
  return held !== undefined && held.ino === seen?.ino;
}

async function release(holder: Holder): Promise<void> {
  const ended = once(holder, 'close');
  holder.stdin.end();
  await ended;
}
