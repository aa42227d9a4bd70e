import { join } from 'node:path';

/** What is built: one file for each image, from the entry of its workspace. */
export interface Bundle {
  readonly workspace: string;
  /** Relative to the repository's root. */
  readonly entry: string;
  readonly outfile: string;
  /** The licences of what went into it. */
  readonly licences: string;
}

const bundle = (workspace: string): Bundle => ({
  workspace,
  entry: join(workspace, 'src', 'main.ts'),
  outfile: join(workspace, 'dist', `${workspace}.mjs`),
  licences: join(workspace, 'dist', `${workspace}.licences.txt`),
});

export const bundles: readonly Bundle[] = [bundle('operator'), bundle('gateway'), bundle('agent-runtime')];
