import { spawn } from 'node:child_process';
import { ClusterError } from './errors.ts';

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds after which the command is killed and counts as failed. Default: never. */
  readonly timeout?: number;
  /** Ends the command, whose promise then rejects. */
  readonly signal?: AbortSignal;
  /** Lines of output as they come, of both streams; for work long enough to want watching. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with no shell between. Rejects only when it cannot be started. */
export function attempt(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.timeout === undefined ? {} : { timeout: options.timeout, killSignal: 'SIGKILL' as const }),
      ...(options.signal && { signal: options.signal }),
    });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        output[stream] += text;
        if (options.onLine) for (const line of text.split('\n')) if (line.trim() !== '') options.onLine(line);
      });
    }
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? -1, ...output }));
    child.stdin.on('error', () => undefined); // a program that does not read its input is judged by its status
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a program and returns its standard output. Throws `command_failed` with the end of its error output otherwise. */
export async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await attempt(program, args, options);
  if (status === 0) return stdout;
  throw new ClusterError('command_failed', { command: [program, ...args].join(' '), status, tail: lastLines(stderr || stdout) });
}

export function lastLines(text: string, count = 20): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
