import { join } from 'node:path';
import { run } from './command.ts';

/** kubectl as the administrator of the cluster in a directory. */
export function kubectl(dir: string, args: readonly string[], input?: string): Promise<string> {
  const all = ['--kubeconfig', join(dir, 'kubeconfig'), ...args];
  return run(join(dir, 'bin', 'kubectl'), all, input === undefined ? {} : { input });
}

/** Makes the objects be as given, in one call. */
export async function applyAll(dir: string, manifests: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
  await kubectl(dir, ['apply', '--server-side', '--force-conflicts', '--field-manager=embedded-cluster', '-f', '-'], list);
}
