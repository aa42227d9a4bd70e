/** Takes single components of a running machine away, for tests of what others do meanwhile. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { enterMachine, pathOf } from './launch.ts';

/** The machine that a component is part of. */
export interface Machine {
  /** The cluster's directory. */
  readonly dir: string;
  /** The first process, as this machine numbers it. */
  readonly pid: number;
}

/** Ends a component by SIGKILL and keeps it down until the returned function is called. */
export async function takeDown(machine: Machine, component: string): Promise<() => Promise<void>> {
  const held = join(machine.dir, 'pids', `${component}.held`);
  await writeFile(held, '');
  await signal(machine, component, 'KILL').catch(() => undefined); // it had ended by itself, as some do when another is taken from them
  return () => rm(held, { force: true });
}

/** Stops a component where it stands (SIGSTOP): its connections stay open and nobody answers. Returns how to let it go on. */
export async function freeze(machine: Machine, component: string): Promise<() => Promise<void>> {
  await signal(machine, component, 'STOP');
  return () => signal(machine, component, 'CONT');
}

/** Runs a program inside the machine, where the node's loopback is. */
export async function runInside({ pid }: Machine, command: readonly string[]): Promise<string> {
  const inside = enterMachine(pid, await pathOf(pid), command);
  return run(inside.program, inside.args);
}

/** To the process that the supervisor noted, whatever else has its name. */
async function signal(machine: Machine, component: string, name: 'KILL' | 'STOP' | 'CONT'): Promise<void> {
  const noted = (await readFile(join(machine.dir, 'pids', component), 'utf8')).trim();
  await runInside(machine, ['sh', '-c', `kill -${name} ${noted}`]);
}
