import { join } from 'node:path';

/** What is built: the code of one image, from the entry of its workspace. */
export interface Bundle {
  readonly workspace: string;
  /** Relative to the repository's root, as are the others. */
  readonly entry: string;
  readonly folder: string;
  /**
   * Whether what is imported late goes into files of its own beside the main one. Worth it where one image runs as different programs: edge then
   * loads nothing of egress, above all not its tokenizer, which takes 15 MB of memory from each pod; and where something is needed now and then
   * alone, such as what makes certificates in the operator.
   */
  readonly splits: boolean;
}

const bundle = (workspace: string, splits = false): Bundle => ({
  workspace,
  entry: join(workspace, 'src', 'main.ts'),
  folder: join(workspace, 'dist'),
  splits,
});

export const bundles: readonly Bundle[] = [bundle('operator', true), bundle('gateway', true), bundle('agent-runtime')];
