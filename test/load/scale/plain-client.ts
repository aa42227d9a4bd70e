/**
 * What the machine can do at best: the children of a tenant, written by a client that knows them beforehand, looks at nothing and watches
 * nothing. What the operator takes is told beside what this takes, since on a busy machine neither says anything alone.
 */
import { labels } from '@cloister/tenancy';
import { controllerOf, kind, pathOf, type BaseObject, type Kind } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { inParallel } from './fleet.ts';
import type { World } from './world.ts';

const namespaceObjects = kind('v1', 'Namespace');
const kinds: readonly Kind<BaseObject>[] = [
  kind('networking.k8s.io/v1', 'NetworkPolicy'),
  kind('v1', 'ResourceQuota'),
  kind('v1', 'LimitRange'),
  kind('v1', 'ServiceAccount'),
  kind('v1', 'Secret'),
  kind('rbac.authorization.k8s.io/v1', 'Role'),
  kind('rbac.authorization.k8s.io/v1', 'RoleBinding'),
  kind('v1', 'ConfigMap'),
  kind('networking.k8s.io/v1', 'Ingress'),
];

/** As many tenants at a time as the operator works on. */
const workers = 8;

/** Copies the children of a tenant so many times, at a pace; milliseconds from when each was due until its last object was there. */
export async function writePlainly(world: World, model: string, count: number, perSecond: number): Promise<number[]> {
  const children = await childrenOf(world, model);
  const begun = performance.now();
  const times: number[] = [];
  await inParallel(
    Array.from({ length: count }, (_, index) => index),
    workers,
    async (index) => {
      const due = begun + (index / perSecond) * 1000;
      await pause(Math.max(0, due - performance.now()));
      const namespace = `plain-${index}`;
      await apply(world, namespaceObjects, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      for (const { of, object } of children) await apply(world, of, { ...object, metadata: { name: object.metadata.name, namespace } });
      times.push(performance.now() - due);
    },
  );
  return times;
}

async function childrenOf({ client }: World, tenant: string): Promise<{ of: Kind<BaseObject>; object: BaseObject }[]> {
  const found = await Promise.all(
    kinds.map(async (of) => {
      const objects = await client.list(of, { labelSelector: `${labels.tenant}=${tenant}` });
      return objects.filter((object) => controllerOf(object)?.kind === 'Tenant').map((object) => ({ of, object: withoutStatus(object) }));
    }),
  );
  return found.flat();
}

function withoutStatus(object: BaseObject): BaseObject {
  const { status: _, ...rest }: BaseObject & { status?: unknown } = object;
  return rest;
}

const apply = ({ client }: World, of: Kind<BaseObject>, body: BaseObject): Promise<unknown> =>
  client.request({
    method: 'PATCH',
    path: pathOf(of, body.metadata),
    query: { fieldManager: 'plain', force: true },
    contentType: 'application/apply-patch+yaml',
    body,
  });
