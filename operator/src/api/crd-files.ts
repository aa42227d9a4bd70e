/** The files of `crds/`, as they must be: file name → content. */
import { stringify } from 'yaml';
import { customResourceDefinition } from './crd.ts';
import { resources } from './resources.ts';

const header = '# Generated from operator/src/api by "npm run crds -w operator". Edit there.\n';

export const crdFiles = (): ReadonlyMap<string, string> =>
  new Map(
    resources.map((resource) => [
      `${resource.plural}.yaml`,
      header + stringify(customResourceDefinition(resource), { aliasDuplicateObjects: false, lineWidth: 140 }),
    ]),
  );
