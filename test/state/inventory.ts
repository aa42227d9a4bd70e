/** Everything of some tenants that a cluster holds, whatever its kind: what is looked for by kind is found by kind only. */
import { labels, namespaces } from '@cloister/tenancy';
import type { Cluster } from 'kube-runtime';
import { z } from 'zod';
import { normalise } from './normalise.ts';

const resource = z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean(), verbs: z.array(z.string()) });
const resourceList = z.object({ groupVersion: z.string(), resources: z.array(resource) });
const groupList = z.object({ groups: z.array(z.object({ preferredVersion: z.object({ groupVersion: z.string() }) })) });
const object = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
const list = z.object({ items: z.array(object).nullable() });
export type Found = z.infer<typeof object>;

/** What others make from Cloister's objects, under names by chance. */
const derived = new Set(['Event', 'Endpoints', 'EndpointSlice', 'Pod', 'ReplicaSet', 'ControllerRevision', 'Lease', 'PodMetrics']);

interface Listable {
  readonly path: string;
  readonly apiVersion: string;
  readonly kind: string;
}

/** By `<kind> <namespace>/<name>`, normalised, all objects of the tenants whose names begin so. */
export async function inventory(cluster: Cluster, prefix: string): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  for (const { path, apiVersion, kind } of await listable(cluster)) {
    const { items } = list.parse(await cluster.request({ path }));
    for (const item of items ?? []) {
      if (!belongs(item, kind, prefix)) continue;
      const { name, namespace = '' } = item.metadata;
      found.set(`${kind} ${namespace}/${name}`, normalise({ ...item, apiVersion, kind }));
    }
  }
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b)));
}

function belongs({ metadata }: Found, kind: string, prefix: string): boolean {
  const { name, namespace = '', labels: own = {} } = metadata;
  if (namespace.startsWith(`tenant-${prefix}`)) return true;
  if (kind === 'Tenant') return name.startsWith(prefix);
  if (kind === 'Namespace') return name.startsWith(`tenant-${prefix}`);
  const ours: readonly string[] = Object.values(namespaces);
  return ours.includes(namespace) && (own[labels.tenant] ?? '').startsWith(prefix);
}

async function listable(cluster: Cluster): Promise<Listable[]> {
  const { groups } = groupList.parse(await cluster.request({ path: '/apis' }));
  const roots = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const known: Listable[] = [];
  for (const root of roots) {
    const { groupVersion, resources } = resourceList.parse(await cluster.request({ path: root }));
    for (const { name, kind, verbs } of resources) {
      if (name.includes('/') || !verbs.includes('list') || derived.has(kind)) continue;
      known.push({ path: `${root}/${name}`, apiVersion: groupVersion, kind });
    }
  }
  return known;
}

/** What the two differ in, a line each; empty when they are equal. */
export function differences(expected: ReadonlyMap<string, object>, actual: ReadonlyMap<string, object>): string[] {
  const keys = [...new Set([...expected.keys(), ...actual.keys()])].sort();
  return keys.flatMap((key) => {
    const [wanted, got] = [expected.get(key), actual.get(key)];
    if (!wanted) return [`${key} is there and should not be`];
    if (!got) return [`${key} is missing`];
    const [a, b] = [JSON.stringify(wanted), JSON.stringify(got)];
    return a === b ? [] : [`${key} differs:\n  expected ${a}\n  got      ${b}`];
  });
}
