/** The operator as it is shipped, as a process of this machine that can be killed, stopped where it stands, and read. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { dirname } from 'node:path';
import { z } from 'zod';
import { kept } from '../../cluster/kept.ts';
import { until } from '../../e2e/support/until.ts';

export interface OperatorOptions {
  readonly kubeconfig: string;
  /** Path of the bundled program. */
  readonly program: string;
  /** Path of its settings file. */
  readonly configuration: string;
  /** Stands for the pod's name: a container that is restarted in its pod keeps it, and with it the lease. */
  readonly identity: string;
}

const line = z.looseObject({ msg: z.string().optional(), port: z.number().optional() });

export class OperatorProcess {
  readonly log: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #port: number | undefined;

  constructor({ program, kubeconfig, configuration, identity }: OperatorOptions) {
    const env = {
      ...process.env,
      KUBECONFIG: kubeconfig,
      OPERATOR_CONFIG_FILE: configuration,
      POD_NAME: identity,
      POD_NAMESPACE: 'cloister-system',
      METRICS_PORT: '0',
      NODE_COMPILE_CACHE: dirname(program), // as in the image
    };
    this.#child = spawn(...kept(process.execPath, program), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (text) => this.#note(text));
    }
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  said(text: string): boolean {
    return this.count(text) > 0;
  }

  /** Lines of its log with this in them. */
  count(text: string): number {
    return this.log.filter((entry) => entry.includes(text)).length;
  }

  async leads(within = 30_000): Promise<void> {
    await this.#until('to lead', () => this.said('Became leader'), within);
  }

  /** Its server listens; its caches may be filling yet. */
  async started(): Promise<void> {
    await this.#until('to start', () => this.#port !== undefined, 30_000);
  }

  /** What it answers at `/readyz`, `/healthz` or `/metrics`. */
  async ask(path: string): Promise<{ readonly status: number; readonly text: string }> {
    await this.started();
    const answer = await fetch(`http://127.0.0.1:${this.#port ?? 0}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Orderly, as a pod is stopped. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#ended;
  }

  ended(): Promise<unknown> {
    return this.#ended;
  }

  async #until(what: string, look: () => boolean, within: number): Promise<void> {
    await until(
      `the operator ${what}`,
      () => {
        if (look()) return Promise.resolve(true);
        if (!this.running) within = 0;
        return Promise.resolve(false);
      },
      { within, every: 10 },
    ).catch((cause: unknown) => {
      throw new Error(`the operator did not come ${what}; its log ends:\n${this.log.slice(-10).join('\n')}`, { cause });
    });
  }

  #note(text: string): void {
    this.log.push(text);
    if (this.#port === undefined && text.includes('"Started"')) this.#port = line.parse(JSON.parse(text)).port;
  }
}
