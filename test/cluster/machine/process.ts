import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one of the same number: the kernel's start time tells them apart. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and start. */
  readonly startTime: string;
}

export async function identityOf(pid: number): Promise<ProcessIdentity> {
  const startTime = await startTimeOf(pid);
  if (startTime === undefined) throw new Error(`process ${pid} ended as soon as it was started`);
  return { pid, startTime };
}

export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await startTimeOf(process.pid)) === process.startTime;
}

/** Ends a process: asks, waits up to `grace` milliseconds, then kills; returns when it is gone. */
export async function end(target: ProcessIdentity, grace: number): Promise<void> {
  if (!(await isAlive(target))) return;
  process.kill(target.pid, 'SIGTERM');
  if (await goneWithin(target, grace)) return;
  process.kill(target.pid, 'SIGKILL');
  await goneWithin(target, 10_000);
}

async function goneWithin(target: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (Date.now() < deadline) {
    if (!(await isAlive(target))) return true;
    await sleep(20);
  }
  return false;
}

/** Undefined for a process that is not there or only waits to be reaped. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // the command, in parentheses, may hold anything: fields are counted from its end, where the state is the first
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
