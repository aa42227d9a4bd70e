import { readFile } from 'node:fs/promises';
import { readSecretFile } from './index.ts';

export interface FollowOptions {
  /** Under which name the path was set. */
  readonly setting: string;
  readonly path: string;
  /** Told of every new content. What it throws goes to `onProblem`. */
  readonly onChange: (text: string) => void | Promise<void>;
  /** Told when the file cannot be followed; what was read last stays in force. */
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
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const found = (await readFile(path, 'utf8')).trim();
      if (found !== '' && found !== known) {
        await onChange(found);
        known = found;
      }
    } catch (error) {
      onProblem(error);
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), everyMs).unref();
  return { text, stop: () => clearInterval(timer) };
}
