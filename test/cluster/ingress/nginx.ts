import { readFile, rename, writeFile } from 'node:fs/promises';
import { run } from '../command.ts';

const pidFile = '/run/nginx.pid';

/** Puts configurations into effect: a wrong one never replaces one that works, and a right one breaks no connection. */
export class Nginx {
  readonly #file: string;
  #current: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Rejects when the configuration is wrong or nginx is just starting; trying again later is then right. */
  async use(config: string): Promise<void> {
    if (config === this.#current) return;
    const candidate = `${this.#file}.new`;
    await writeFile(candidate, config);
    await run('nginx', ['-e', 'stderr', '-q', '-t', '-c', candidate]);
    await rename(candidate, this.#file);
    // nginx itself waits for the first configuration, so then there is nobody to tell
    if (this.#current !== undefined) await reload();
    this.#current = config;
  }
}

/** The file is empty until nginx runs: checking a configuration creates it. */
async function reload(): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8'));
  if (!(pid > 0)) throw new Error('nginx has not started yet');
  process.kill(pid, 'SIGHUP');
}
