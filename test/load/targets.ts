/** The servers that are compared, each in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import { z } from 'zod';

export interface Target {
  readonly name: string;
  readonly pool: Pool;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (mode: 'whole' | 'stream') => string;
  /** Resident memory of its process in MiB. */
  readonly memory: () => number;
  /** Processor time that its process has used, in microseconds; advances in steps of 10,000. */
  readonly cpu: () => number;
}

export interface Targets {
  /** The direct call first. */
  readonly targets: readonly Target[];
  /** What was on and what was not. */
  readonly notes: readonly string[];
  /** Name of the plain pass-through. */
  readonly baseline: string;
  readonly close: () => Promise<void>;
}

/** What a server says on its first line. */
const announcement = z.object({
  url: z.url(),
  headers: z.record(z.string(), z.string()).default({}),
  model: z.string().default('stub'),
  notes: z.array(z.string()).default([]),
});
export type Announcement = z.input<typeof announcement>;

const baseline = 'express + undici pass-through';

export async function openTargets(): Promise<Targets> {
  const stub = await start('direct', 'stub');
  const upstream = stub.said.url;
  const others = [
    await start(baseline, 'pass-through', upstream),
    await start('edge', 'edge', upstream),
    await start('egress, no limits', 'egress', upstream, 'unlimited'),
    await start('egress, durable budget', 'egress', upstream, 'budget'),
  ];
  const servers = [stub, ...others];
  return {
    targets: servers.map(({ target }) => target),
    notes: servers.flatMap(({ target, said }) => said.notes.map((note) => `${target.name}: ${note}`)),
    baseline,
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function start(name: string, script: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'servers', `${script}.ts`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const said = await Promise.race([firstLine(child.stdout), endOf(name, child)]);
  const { origin, pathname } = new URL(said.url);
  const pool = new Pool(origin, { connections: 64 });
  const messages = [{ role: 'user', content: 'How do I cancel my order?' }];
  const target: Target = {
    name,
    pool,
    path: `${pathname === '/' ? '' : pathname}/v1/chat/completions`,
    headers: { 'content-type': 'application/json', ...said.headers },
    body: (mode) => JSON.stringify({ model: said.model, max_tokens: 64, messages, ...(mode === 'stream' ? { stream: true } : {}) }),
    memory: () => residentMiB(child.pid ?? 0),
    cpu: () => cpuMicroseconds(child.pid ?? 0),
  };
  const close = async () => {
    await pool.close();
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  };
  return { target, said, close };
}

async function firstLine(output: Readable): Promise<z.output<typeof announcement>> {
  for await (const line of createInterface(output)) return announcement.parse(JSON.parse(line));
  return new Promise(() => undefined); // the end of the process tells more than the end of its output
}

async function endOf(name: string, child: ChildProcess): Promise<never> {
  await once(child, 'exit');
  throw new Error(`the server of "${name}" ended with ${child.exitCode ?? 'a signal'} before it was ready`);
}

function residentMiB(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}

/** Fields 14 and 15 of proc(5) stat, user and system time in ticks of 1/100 s; the name before them may hold spaces. */
function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
