/** What Argo CD and Flux say of objects, from the checks that the chart ships, evaluated by what they evaluate with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from 'kube-runtime';
import { parse } from 'yaml';
import { z } from 'zod';
import { run } from '../command.ts';
import { repository } from '../paths.ts';
import { buildPrograms, programPath } from '../programs/build.ts';

const answer = z.array(
  z.object({
    argo: z.object({ status: z.string(), message: z.string() }),
    flux: z.object({ status: z.string(), error: z.string().optional() }),
    kstatus: z.string(),
  }),
);
export type Verdict = z.infer<typeof answer>[number];

const shipped = (name: string): string => readFileSync(join(repository, 'charts/cloister/files/health', name), 'utf8');

/** One verdict for each object, in their order. Builds the evaluators first where that was not done yet: a minute. */
export async function verdictsOn(objects: readonly KubeObject[]): Promise<Verdict[]> {
  const builds = await buildPrograms(['health']);
  const question = { lua: shipped('argocd.lua'), exprs: parse(shipped('flux.yaml')) as unknown, objects };
  return answer.parse(JSON.parse(await run(programPath(builds, 'health'), [], { input: JSON.stringify(question) })));
}
