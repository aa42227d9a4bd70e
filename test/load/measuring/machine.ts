import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

/** What the figures were measured on. Figures of different machines, or of a busy one, are not to be compared. */
export async function machine(): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname });
  const [cpu] = cpus();
  const [load] = loadavg();
  const memory = Math.round(totalmem() / 2 ** 30);
  const parts = [
    `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}`,
    `${memory} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
  ];
  const busy = (load ?? 0) > cpus().length / 2 ? ' (BUSY: compare only within this run)' : '';
  return `- ${parts.join(', ')}; revision ${stdout.trim()}; ${new Date().toISOString()}; load before ${(load ?? 0).toFixed(1)}${busy}`;
}
