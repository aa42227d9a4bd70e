import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The first process of a machine, not to be mistaken for a later process of the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and start: tells two processes of one number apart. */
  readonly startTime: string;
  /** The process namespace that is the machine: everything in it ends with the process, though not in the same instant. */
  readonly namespace: string;
}

const pollEvery = 20;
/** How long the kernel may take to end what was killed: memory has to be given back first. */
const endsWithin = 15_000;

/** Throws when there is no such process: one that was just started has then ended at once. */
export async function identityOf(pid: number): Promise<ProcessIdentity> {
  const identity = await identify(pid);
  if (!identity) throw new Error(`process ${pid} ended as soon as it was started`);
  return identity;
}

async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const [startTime, namespace] = await Promise.all([startTimeOf(pid), namespaceOf(pid)]);
  return startTime === undefined || namespace === undefined ? undefined : { pid, startTime, namespace };
}

/**
 * The machines of an owner, told by their command lines: also those that nothing else tells of, because their directory was removed by
 * hand or their start was cut off before it was noted.
 */
export async function machinesOf(owner: string): Promise<ProcessIdentity[]> {
  const ids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const commands = await Promise.all(ids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  const own = ids.filter((_, index) => commands[index]?.endsWith(`\0init\0${owner}\0`));
  return (await Promise.all(own.map(identify))).filter((identity) => identity !== undefined);
}

export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await startTimeOf(process.pid)) === process.startTime;
}

/** Ends a machine: asks, waits up to `grace` milliseconds, then kills; returns when nothing of it runs any more. */
export async function end(machine: ProcessIdentity, grace: number): Promise<void> {
  if (await isAlive(machine)) {
    process.kill(machine.pid, 'SIGTERM');
    if (!(await within(grace, async () => !(await isAlive(machine))))) process.kill(machine.pid, 'SIGKILL');
  }
  await within(endsWithin, async () => (await membersOf(machine.namespace)).length === 0);
}

/** Ids of the processes in a process namespace itself; containers in it have namespaces below. */
export async function membersOf(namespace: string): Promise<number[]> {
  const ids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const namespaces = await Promise.all(ids.map(namespaceOf));
  return ids.filter((_, index) => namespaces[index] === namespace);
}

async function within(milliseconds: number, done: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (Date.now() < deadline) {
    if (await done()) return true;
    await sleep(pollEvery);
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

async function namespaceOf(pid: number): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
}
