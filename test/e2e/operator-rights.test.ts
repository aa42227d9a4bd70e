/** The operator's README explains each right; the chart must grant these and no others. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { chart, helmOf } from './support/helm.ts';
import { openWorld } from './support/world.ts';

const readme = join(import.meta.dirname, '..', '..', 'operator', 'README.md');
const rule = z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) });
const role = z.object({ kind: z.enum(['ClusterRole', 'Role']), rules: z.array(rule) });

/** One line for each right: `cluster cloister.dev/tenants get`. */
const right = (where: string, group: string, resource: string, verb: string): string => `${where} ${group}/${resource} ${verb}`;

test('the chart grants the operator exactly what its README explains', async () => {
  const explained = rows(await readFile(readme, 'utf8')).flatMap(([where = '', group = '', resources = '', verbs = '']) =>
    resourcesOf(resources).flatMap((resource) => verbs.split(' ').map((verb) => right(where, group.replaceAll('"', ''), resource, verb))),
  );
  expect((await granted()).sort()).toEqual(explained.sort());
});

async function granted(): Promise<string[]> {
  const { cluster } = await openWorld();
  const templates = ['rbac-cluster', 'rbac-system'].flatMap((name) => ['-s', `templates/operator/${name}.yaml`]);
  const { stdout } = helmOf(cluster.helm)('template', 'cloister', chart, '-n', 'cloister-system', '--kube-version', '1.36.3', ...templates);
  const roles = parseAllDocuments(stdout).flatMap((document) => role.safeParse(document.toJS()).data ?? []);
  return roles.flatMap(({ kind, rules }) => rules.flatMap((one) => rightsOf(kind === 'Role' ? 'system namespace' : 'cluster', one)));
}

const rightsOf = (where: string, { apiGroups, resources, verbs }: z.infer<typeof rule>): string[] =>
  apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => right(where, group, resource, verb))));

/** Cells of the table, without its head. */
const rows = (text: string): string[][] =>
  (text.split('## Rights it needs')[1] ?? '')
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ) ?? [];

const kinds = ['tenants', 'tenantclasses', 'modelproviders', 'agentconfigs'];
const resourcesOf = (cell: string): string[] => {
  const ofAll = /^`\*`\/(\w+) of the four$/.exec(cell)?.[1];
  return ofAll === undefined ? cell.split(', ') : kinds.map((kind) => `${kind}/${ofAll}`);
};
