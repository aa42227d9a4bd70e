/** Writes `crds/*.yaml` from the schemas. Run by `npm run crds -w operator`. */
import { writeFileSync } from 'node:fs';
import { crdFiles } from '../src/api/crd-files.ts';

const folder = new URL('../../crds/', import.meta.url);
for (const [name, content] of crdFiles()) writeFileSync(new URL(name, folder), content);
