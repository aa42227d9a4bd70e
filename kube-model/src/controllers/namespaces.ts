import { deletion, label, on, type Step, type World } from './step.ts';

/** A namespace that is going: its contents are deleted one by one, and then it ends. Every other has its default account. */
export function tendNamespaces(world: World): Step[] {
  return world.all
    .filter(({ served }) => served.kind.kind === 'Namespace')
    .flatMap(({ served, object }): Step[] => {
      const { name, deletionTimestamp } = object.metadata;
      const contents = world.all.filter((other) => other.object.metadata.namespace === name);
      if (!deletionTimestamp) return furnish(world, name);
      const open = contents.filter((found) => !found.object.metadata.deletionTimestamp);
      if (contents.length > 0) {
        return open.map((found) => ({
          name: `namespace controller: delete ${label(found.served, found.object)}`,
          run: () => world.request(deletion(found.served.kind, found.object, 'Background')),
        }));
      }
      const { spec } = object;
      if (!spec || Object.keys(spec).length === 0) return [];
      const body = { ...object, spec: {} };
      return [
        {
          name: `namespace controller: end ${name}`,
          run: () => world.request(on(served.kind, object, { method: 'PUT', body }, 'finalize')),
        },
      ];
    });
}

function furnish(world: World, namespace: string): Step[] {
  const wanted = [
    { kind: 'ServiceAccount', name: 'default', rest: {} },
    { kind: 'ConfigMap', name: 'kube-root-ca.crt', rest: { data: { 'ca.crt': 'a certificate' } } },
  ];
  return wanted.flatMap(({ kind, name, rest }) => {
    const served = world.kinds.find((other) => other.kind.apiVersion === 'v1' && other.kind.kind === kind);
    if (!served || world.site.store.get(served, { name, namespace })) return [];
    const path = `/api/v1/namespaces/${namespace}/${served.kind.plural}`;
    const body = { apiVersion: 'v1', kind, metadata: { name, namespace }, ...rest };
    return [{ name: `account controllers: create ${kind} ${namespace}/${name}`, run: () => world.request({ method: 'POST', path, body }) }];
  });
}
