/** What the chart lets the operator do, read from its templates, and whether a request or a write is within it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { labels, namespaces } from '@cloister/tenancy';
import type { ApiRequest } from 'kube-runtime';
import type { Change, StoredObject } from 'kube-model';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const templates = join(import.meta.dirname, '..', '..', 'charts', 'cloister', 'templates', 'operator');
const rule = z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) });
const role = z.object({ kind: z.enum(['ClusterRole', 'Role']), rules: z.array(rule) });

/** The templates hold no logic but names and labels, which do not matter here. */
const plain = (template: string): string =>
  template
    .split('\n')
    .filter((line) => !/^\{\{-/.test(line))
    .join('\n')
    .replaceAll(/labels: \{\{.*\}\}/g, 'labels: {}')
    .replaceAll('{{ .Release.Namespace }}', namespaces.system);

const roles = ['rbac-cluster.yaml', 'rbac-system.yaml']
  .flatMap((file) => parseAllDocuments(plain(readFileSync(join(templates, file), 'utf8'))))
  .flatMap((document) => role.safeParse(document.toJS()).data ?? []);

const verbs = { GET: ['get'], POST: ['create'], PUT: ['update'], PATCH: ['patch'], DELETE: ['delete'] } as const;

/** Each right that the chart grants, as `group/resource verb`. */
export const granted: ReadonlySet<string> = new Set(
  roles.flatMap(({ rules }) =>
    rules.flatMap((one) =>
      one.apiGroups.flatMap((group) => one.resources.flatMap((resource) => one.verbs.map((verb) => rightTo(group, resource, verb)))),
    ),
  ),
);

/** What a request needs, as `group/resource verb`. An apply that finds no object needs `create` as well; none makes one by its subresource. */
export function rightsFor(request: ApiRequest, exists: boolean): string[] {
  const { group, resource } = partsOf(request.path);
  return verbsFor(request, exists).map((verb) => rightTo(group, resource, verb));
}

function rightTo(group: string, resource: string, verb: string): string {
  return `${group || 'core'}/${resource} ${verb}`;
}

function verbsFor(request: ApiRequest, exists: boolean): readonly string[] {
  const { method = 'GET' } = request;
  const reading = request.query?.['watch'] ? ['watch'] : partsOf(request.path).name === undefined ? ['list'] : ['get'];
  const makes = request.contentType === 'application/apply-patch+yaml' && !exists && !partsOf(request.path).resource.includes('/');
  const applying = makes ? ['create', 'patch'] : undefined;
  return method === 'GET' ? reading : (applying ?? verbs[method]);
}

/** Why the operator's roles do not allow a request; undefined when they do. */
export function forbiddenByRoles(request: ApiRequest, exists: boolean): string | undefined {
  const { group, resource, namespace } = partsOf(request.path);
  const missing = verbsFor(request, exists).filter((verb) => !allowed(group, resource, verb, namespace));
  return missing.length === 0 ? undefined : `no role allows "${missing.join(', ')}" on ${group || 'core'}/${resource} (${request.path})`;
}

const allowed = (group: string, resource: string, verb: string, namespace: string | undefined): boolean =>
  roles
    .filter(({ kind }) => kind === 'ClusterRole' || namespace === namespaces.system)
    .some(({ rules }) =>
      rules.some((one) => one.apiGroups.includes(group) && one.resources.includes(resource) && one.verbs.includes(verb)),
    );

function partsOf(path: string): { group: string; resource: string; namespace: string | undefined; name: string | undefined } {
  const [, root = '', ...rest] = path.split('/');
  const group = root === 'apis' ? (rest.shift() ?? '') : '';
  rest.shift(); // the version
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
  const namespace = inNamespace ? rest.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = rest;
  return { group, resource: subresource === undefined ? plural : `${plural}/${subresource}`, namespace, name };
}

const isTenants = (namespace: StoredObject | undefined): boolean => namespace?.metadata.labels?.[labels.tenant] !== undefined;
const own: readonly string[] = [namespaces.system, namespaces.access, namespaces.ownKeys];

/**
 * The ValidatingAdmissionPolicy that confines the operator, on writes that were accepted. `namespaceAt` gives a namespace as it was before
 * the write.
 */
export function outsideOfConfinement(change: Change, namespaceAt: (name: string) => StoredObject | undefined): string | undefined {
  const { apiVersion, kind } = change.served.kind;
  if (apiVersion.startsWith('cloister.dev/') || kind === 'Event') return undefined;
  const where = `${change.verb} of ${kind} ${change.key}`;
  if (kind === 'Namespace') {
    const seen = [change.before, change.after].filter((object) => object !== undefined);
    return seen.every(isTenants) ? undefined : `${where}: the namespace carries no tenant's label`;
  }
  const namespace = change.after?.metadata.namespace ?? change.before?.metadata.namespace;
  if (namespace === undefined || own.includes(namespace) || isTenants(namespaceAt(namespace))) return undefined;
  return `${where}: namespace "${namespace}" is neither Cloister's own nor a tenant's`;
}
