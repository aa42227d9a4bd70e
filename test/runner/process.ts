import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { repository } from '../cluster/paths.ts';

export interface LoggedOptions {
  /** File that gets all output. */
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Also show the output as it comes. */
  readonly echo?: boolean;
}

export interface Logged {
  readonly code: number;
  /** The last lines of the output. */
  readonly tail: string;
}

const tailLines = 60;
const running = new Set<ChildProcess>();

/** Tells every command that still runs to end. Those that ended by themselves are not touched. */
export function endCommands(): void {
  for (const child of running) child.kill('SIGTERM');
}

/** Runs a command in the repository to its end. Rejects only when it cannot be started. */
export function runLogged(
  [program, ...args]: readonly [string, ...string[]],
  { log, env = {}, echo = false }: LoggedOptions,
): Promise<Logged> {
  return new Promise((resolve, reject) => {
    const file = createWriteStream(log);
    let tail: string[] = [];
    const child = spawn(program, args, { cwd: repository, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('close', () => running.delete(child));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        file.write(text);
        if (echo) process.stdout.write(text);
        tail = [...tail, ...text.split('\n')].slice(-tailLines);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      file.end(() => resolve({ code: code ?? -1, tail: tail.join('\n') }));
    });
  });
}
