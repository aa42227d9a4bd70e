import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the chart keeps its copy: a chart can read no file outside its own folder. */
export const chartCrdFolder = join('charts', 'cloister', 'files', 'crds');

/** Deleting a definition deletes every object of its kind, so an uninstalled release must leave the definitions behind. */
const keep = 'metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n';

/** The chart's copy of `crds/`: file name → content. `root` is the repository's. Throws when a definition has annotations of its own. */
export function chartCrds(root: string): ReadonlyMap<string, string> {
  const folder = join(root, 'crds');
  return new Map(readdirSync(folder).map((name) => [name, kept(name, readFileSync(join(folder, name), 'utf8'))]));
}

function kept(name: string, text: string): string {
  if (text.includes('\n  annotations:\n')) throw new Error(`crds/${name} has annotations; merge helm.sh/resource-policy into them`);
  return text.replace('metadata:\n', keep);
}
