import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { run } from '../command.ts';

const pidFile = '/run/nginx.pid';

/** Puts configurations into effect: a wrong one never replaces one that works, and a right one breaks no connection. */
export class Nginx {
  readonly #file: string;
  #current: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async use(config: string): Promise<void> {
    if (config === this.#current) return;
    const candidate = `${this.#file}.new`;
    await writeFile(candidate, config);
    await run('nginx', ['-e', 'stderr', '-q', '-t', '-c', candidate]);
    await rename(candidate, this.#file);
    // before the first configuration there is no nginx to tell
    if (existsSync(pidFile)) await run('nginx', ['-e', 'stderr', '-c', this.#file, '-s', 'reload']);
    this.#current = config;
  }
}
