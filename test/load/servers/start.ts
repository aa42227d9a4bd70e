/** Starts one of the servers in this folder in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { repository } from '../../cluster/paths.ts';
import { setupVariable, type Setup } from './setup.ts';

/** What a server says on its first line. */
const announcement = z.object({
  url: z.url(),
  /** The same over TLS. */
  secureURL: z.url().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  model: z.string().default('stub'),
  /** Credentials of tenants beside that of `headers`. */
  others: z.array(z.string()).default([]),
});
export type Announcement = z.input<typeof announcement>;

export interface RunningServer {
  readonly said: z.output<typeof announcement>;
  readonly pid: number;
  readonly close: () => Promise<void>;
}

/** Resolves once it serves. */
export async function startServer(script: string, setup: Setup = {}): Promise<RunningServer> {
  const child = spawn(process.execPath, [...optionsOf(script), join(import.meta.dirname, `${script}.ts`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', [setupVariable]: JSON.stringify(setup) },
  });
  const said = await Promise.race([firstLine(child.stdout), endOf(script, child)]);
  const close = async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  };
  return { said, pid: child.pid ?? 0, close };
}

/** `BENCH_PROFILE=edge` writes a profile of what edge's processor time goes into, when it ends, to where the benchmark was started. */
const optionsOf = (script: string): string[] => [
  ...(script === 'edge' || script === 'egress' ? shipped() : []),
  ...(process.env['BENCH_PROFILE'] === script ? ['--cpu-prof'] : []),
];

/** With which the chart starts edge and egress. */
function shipped(): string[] {
  const template = 'charts/cloister/templates/_gateway.tpl';
  const [, options] = /name: NODE_OPTIONS, value: (.+) }/.exec(readFileSync(join(repository, template), 'utf8')) ?? [];
  if (options === undefined) throw new Error(`${template} says nothing of NODE_OPTIONS`);
  return options.split(' ');
}

async function firstLine(output: Readable): Promise<z.output<typeof announcement>> {
  for await (const line of createInterface(output)) return announcement.parse(JSON.parse(line));
  return new Promise(() => undefined); // the end of the process tells more than the end of its output
}

async function endOf(script: string, child: ChildProcess): Promise<never> {
  await once(child, 'exit');
  throw new Error(`the server "${script}" ended with ${child.exitCode ?? 'a signal'} before it was ready`);
}
