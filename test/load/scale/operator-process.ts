/** The operator as it is shipped: the built bundle, in a process of its own, as the user and with the rights that the chart gives it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { kept } from '../../cluster/kept.ts';
import { repository } from '../../cluster/paths.ts';
import { cpuMicroseconds, peakResidentMiB, residentMiB } from '../measuring/process.ts';
import type { Installation } from './installation.ts';
import { sampleOf, type Sample } from './metrics.ts';

const bundle = join(repository, 'operator/dist/operator.mjs');
/** For whoever wants to see where its time goes: BENCH_NODE_OPTIONS=--cpu-prof, for example. */
const options = process.env['BENCH_NODE_OPTIONS'];
const profiling = options === undefined ? {} : { NODE_OPTIONS: options };

const started = z.object({ msg: z.literal('Started'), port: z.number() });

export interface OperatorProcess {
  readonly pid: number;
  /** MiB. */
  readonly memory: () => number;
  readonly peakMemory: () => number;
  /** Microseconds of processor time since it began; advances in steps of 10,000. */
  readonly cpu: () => number;
  readonly metrics: () => Promise<Sample>;
  /**
   * Its turn at the processors comes before all others' while `work` runs: what it does where it need not share them with an API server and kubelets,
   * which in a cluster are on other machines. Rejects where the kernel does not share its processors out by session (sched_autogroup).
   */
  readonly first: <T>(work: () => Promise<T>) => Promise<T>;
  /** What it logged as a warning or worse since the last call. */
  readonly complaints: () => string[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Resolves once all caches are full, with the milliseconds that took since the start. */
  readonly ready: () => Promise<number>;
  /** Resolves once there has been nothing to do for a while, with the milliseconds from the start until that while began. */
  readonly settled: () => Promise<number>;
  /** Rejects when it ends without having been told to. */
  readonly failed: Promise<never>;
  readonly stop: () => Promise<void>;
}

export async function startOperator({ kubeconfig, settings, environment, log }: Installation): Promise<OperatorProcess> {
  const startedAt = Date.now();
  const since = () => Date.now() - startedAt;
  const child = spawn(...kept(process.execPath, bundle), {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a session, and so a share of the processors, of its own: as each part of Kubernetes has here, and each container on a node
    env: {
      ...environment,
      ...profiling,
      PATH: process.env['PATH'],
      KUBECONFIG: kubeconfig,
      OPERATOR_CONFIG_FILE: settings,
      METRICS_PORT: '0',
    },
  });
  const complaints: string[] = [];
  let stopping = false;
  const failed = ended(child, () => stopping, log);
  failed.catch(() => undefined); // whoever waits is told
  const port = await Promise.race([follow(child, log, complaints), failed]);
  const read = () => readMetrics(port);
  const { pid = 0 } = child;
  const ready = async () => {
    while (!(await answers(`http://127.0.0.1:${port}/readyz`))) await pause(100);
    return since();
  };
  return {
    pid,
    startedAt,
    memory: () => residentMiB(pid),
    peakMemory: () => peakResidentMiB(pid),
    cpu: () => cpuMicroseconds(pid),
    metrics: read,
    first: async (work) => {
      await preferTo(pid, foremost);
      try {
        return await work();
      } finally {
        await preferTo(pid, 0);
      }
    },
    complaints: () => complaints.splice(0),
    ready,
    settled: async () => {
      await ready();
      let idleSince = since();
      while (since() - idleSince < calmMs) {
        await pause(500);
        if ((await read()).busy > 0) idleSince = since();
      }
      return idleSince;
    },
    failed,
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Fifteen times the weight of a session as it is by default. See sched(7), "The autogroup feature". */
const foremost = -12;
const preferTo = (pid: number, nice: number): Promise<void> => writeFile(`/proc/${pid}/autogroup`, String(nice));

/** When nothing waits and nothing runs for so long, nothing more is coming. */
const calmMs = 3_000;

/** Resolves with the port of its metrics. */
function follow(child: ChildProcess, log: string, complaints: string[]): Promise<number> {
  const file = createWriteStream(log, { flags: 'a' });
  child.stderr?.pipe(file, { end: false });
  return new Promise((resolve) => {
    if (!child.stdout) return;
    createInterface(child.stdout).on('line', (line) => {
      file.write(`${line}\n`);
      const said: unknown = JSON.parse(line);
      const start = started.safeParse(said);
      if (start.success) resolve(start.data.port);
      if (/"level":"(warn|error|fatal)"/.test(line)) complaints.push(line);
    });
  });
}

async function ended(child: ChildProcess, wanted: () => boolean, log: string): Promise<never> {
  await once(child, 'exit');
  if (wanted()) return new Promise(() => undefined);
  throw new Error(`the operator ended with ${child.exitCode ?? 'a signal'}; its log is ${log}`);
}

async function readMetrics(port: number): Promise<Sample> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  return sampleOf(await answer.text());
}

const answers = async (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
