import { readFile } from 'node:fs/promises';
import { readSecretFile, SettingsError } from './index.ts';

export interface FollowOptions {
  /** Under which name the path was set. */
  readonly setting: string;
  readonly path: string;
  /** Told of every new content. What it throws goes to `onProblem`. */
  readonly onChange: (text: string) => void | Promise<void>;
  /** Told once of each reason why the file cannot be followed, be it that it is empty; what was read last stays in force. */
  readonly onProblem: (error: unknown) => void;
  /** Milliseconds between looks. Default 2,000: a kubelet takes longer to bring the change. */
  readonly everyMs?: number;
}

/**
 * A mounted file whose content changes while the process runs, as kubelets do it: by turning a link. Reading it is cheaper and surer than
 * watching links. Returns what it holds now, and how to stop. Throws {@link SettingsError} where there is nothing to begin with.
 */
export function followSecretFile({ setting, path, onChange, onProblem, everyMs = 2_000 }: FollowOptions): {
  readonly text: string;
  readonly stop: () => void;
} {
  const text = readSecretFile(setting, path);
  let known = text;
  let looking = false;
  let problem: string | undefined;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const found = (await readFile(path, 'utf8')).trim();
      if (found === '') throw new SettingsError([`${setting}: the file ${path} is empty`]);
      if (found !== known) {
        await onChange(found);
        known = found;
      }
      problem = undefined;
    } catch (error) {
      if (String(error) !== problem) onProblem(error);
      problem = String(error);
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), everyMs).unref();
  return { text, stop: () => clearInterval(timer) };
}
