import { buildPrograms, programPath } from '../cluster/programs/build.ts';
import { run } from '../cluster/command.ts';
import type { Progress } from '../cluster/progress.ts';

/** The cluster that Cloister is installed on, whether it is ours or the user's, and the programs to do it with. */
export interface Target {
  readonly kubeconfig: string;
  /** Where the Ingress answers, for example http://127.0.0.1:18080. */
  readonly ingressURL: string;
  /** Folder for what is written for the user: API keys, each in a file of its own. */
  readonly keysDir: string;
  /** Folder with kubectl and helm for the user's PATH, where there is one. */
  readonly binDir?: string;
  /** The program that is kubectl when its first argument is `kubectl`. */
  readonly kubectlPath: string;
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  readonly helm: (args: readonly string[]) => Promise<string>;
}

export async function targetOf(at: Pick<Target, 'kubeconfig' | 'ingressURL' | 'keysDir' | 'binDir'>, progress: Progress): Promise<Target> {
  const builds = await buildPrograms(['kube', 'helm'], progress);
  const env = { KUBECONFIG: at.kubeconfig };
  const kubectlPath = programPath(builds, 'kube');
  return {
    ...at,
    kubectlPath,
    kubectl: (args, input = '') => run(kubectlPath, ['kubectl', ...args], { env, input }),
    helm: (args) => run(programPath(builds, 'helm'), args, { env }),
  };
}
