/** The servers that are compared, each in a process of its own. */
import { Pool } from 'undici';
import { cpuMicroseconds, residentMiB } from './measuring/process.ts';
import { startServer } from './servers/start.ts';

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
  const { said, pid, close: end } = await startServer(script, ...args);
  const { origin, pathname } = new URL(said.url);
  const pool = new Pool(origin, { connections: 64 });
  const messages = [{ role: 'user', content: 'How do I cancel my order?' }];
  const target: Target = {
    name,
    pool,
    path: `${pathname === '/' ? '' : pathname}/v1/chat/completions`,
    headers: { 'content-type': 'application/json', ...said.headers },
    body: (mode) => JSON.stringify({ model: said.model, max_tokens: 64, messages, ...(mode === 'stream' ? { stream: true } : {}) }),
    memory: () => residentMiB(pid),
    cpu: () => cpuMicroseconds(pid),
  };
  const close = async () => {
    await pool.close();
    await end();
  };
  return { target, said, close };
}
