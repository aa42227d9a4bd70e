/**
 * What the machine can do at best: the objects of a tenant and its agents, written by a client that knows them beforehand, looks at nothing and
 * watches nothing, while Kubernetes rolls the agents out as it does for the operator's. What the operator takes is told beside what this
 * takes, since on a busy machine neither says anything alone.
 */
import { labels } from '@cloister/tenancy';
import { controllerOf, kind, pathOf, type BaseObject, type Kind } from 'kube-runtime';
import { setTimeout as pause } from 'node:timers/promises';
import { inParallel } from './fleet.ts';
import type { World } from './world.ts';

const namespaceObjects = kind('v1', 'Namespace');
const configMaps = kind('v1', 'ConfigMap');
const deployments = kind<BaseObject & { readonly spec?: { readonly template?: object }; readonly status?: Rollout }>(
  'apps/v1',
  'Deployment',
);
interface Rollout {
  readonly observedGeneration?: number;
  readonly updatedReplicas?: number;
  readonly availableReplicas?: number;
}
const kinds: readonly Kind<BaseObject>[] = [
  kind('networking.k8s.io/v1', 'NetworkPolicy'),
  kind('v1', 'ResourceQuota'),
  kind('v1', 'LimitRange'),
  kind('v1', 'ServiceAccount'),
  kind('v1', 'Secret'),
  kind('rbac.authorization.k8s.io/v1', 'Role'),
  kind('rbac.authorization.k8s.io/v1', 'RoleBinding'),
  configMaps,
  kind('networking.k8s.io/v1', 'Ingress'),
  kind('v1', 'Service'),
  deployments,
];

/** As many tenants, and as many agents, at a time as the operator works on. */
const workers = 24;
/** On what is copied, so that neither the operator nor anything of Kubernetes takes it for a tenant's. */
const mark = 'bench.plain';

interface Copy {
  readonly of: Kind<BaseObject>;
  readonly object: BaseObject;
}

/**
 * Copies a tenant and its agents so many times, at a pace; milliseconds from when each tenant was due until its last own object was there. Over
 * when all agents are rolled out.
 */
export async function writePlainly(world: World, model: string, count: number, perSecond: number): Promise<number[]> {
  const { tenant, agents } = await modelOf(world, model);
  const due = pacer(count, perSecond);
  const times: number[] = [];
  const rollouts: Promise<void>[] = [];
  await inParallel(due, workers, async ({ index, wait, since }) => {
    await wait();
    const namespace = `plain-${index}`;
    await apply(world, { of: namespaceObjects, object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } });
    await Promise.all(tenant.map((copy) => apply(world, placed(copy, namespace))));
    times.push(since());
    const rollout = inOrder(agents, (copy) => apply(world, placed(copy, namespace)));
    rollout.catch(() => undefined); // awaited below
    rollouts.push(rollout);
  });
  await Promise.all(rollouts);
  await rolledOut(world);
  return times;
}

/** Edits of the copies' Deployments, each with a new ConfigMap, at a pace; milliseconds from when each was due until it was written. */
export async function editPlainly(world: World, count: number, perSecond: number): Promise<number[]> {
  const { client } = world;
  const found = (await client.list(deployments, { labelSelector: mark })).map(({ metadata }) => metadata);
  const times: number[] = [];
  await inParallel(pacer(count, perSecond), workers, async ({ index, wait, since }) => {
    const target = found[(index * 7) % found.length];
    if (!target) throw new Error('there are no copies to edit: writePlainly makes them');
    await wait();
    const { namespace = '' } = target;
    await client.create(configMaps, {
      metadata: { name: `edition-${index}`, namespace, labels: { [mark]: 'yes' } },
      data: { index: `${index}` },
    });
    const template = { metadata: { annotations: { edition: `${index}` } } };
    await client.patch(deployments, { name: target.name, namespace }, { spec: { template } });
    times.push(since());
  });
  await rolledOut(world);
  return times;
}

function pacer(count: number, perSecond: number) {
  const begun = performance.now();
  return Array.from({ length: count }, (_, index) => {
    const due = begun + (index / perSecond) * 1000;
    return { index, wait: () => pause(Math.max(0, due - performance.now())), since: () => performance.now() - due };
  });
}

async function rolledOut({ client }: World): Promise<void> {
  const isOver = ({ metadata: { generation }, status }: { metadata: BaseObject['metadata']; status?: Rollout }): boolean =>
    status?.observedGeneration === generation && status?.updatedReplicas === 1 && status.availableReplicas === 1;
  while (!(await client.list(deployments, { labelSelector: mark })).every(isOver)) await pause(500);
}

async function inOrder<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await act(item);
}

async function modelOf({ client }: World, name: string): Promise<{ readonly tenant: Copy[]; readonly agents: Copy[] }> {
  const found = await Promise.all(
    kinds.map(async (of) => {
      const objects = await client.list(of, { labelSelector: `${labels.tenant}=${name}` });
      return objects.map((object) => ({ of, object, owner: controllerOf(object)?.kind }));
    }),
  );
  const ownedBy = (kindOfOwner: string) =>
    found
      .flat()
      .filter(({ owner }) => owner === kindOfOwner)
      .map(({ of, object }) => ({ of, object: withoutStatus(object) }));
  return { tenant: ownedBy('Tenant'), agents: ownedBy('AgentConfig') };
}

function placed({ of, object }: Copy, namespace: string): Copy {
  const { name } = object.metadata;
  return { of, object: { ...relabelled(object), metadata: { name, namespace, labels: { [mark]: 'yes' } } } };
}

/** Selectors and pods with a label of their own; Services with an address of their own. */
function relabelled(object: BaseObject & { readonly spec?: { readonly template?: object; readonly ports?: unknown } }): BaseObject {
  if (object.kind === 'Service') return Object.assign({}, object, { spec: { ports: object.spec?.ports, selector: { none: 'such' } } });
  if (object.kind !== deployments.kind) return object;
  const own = { [mark]: object.metadata.name };
  const template = { ...object.spec?.template, metadata: { labels: own } };
  return Object.assign({}, object, { spec: { ...object.spec, selector: { matchLabels: own }, template } });
}

function withoutStatus(object: BaseObject): BaseObject {
  const { status: _, ...rest }: BaseObject & { status?: unknown } = object;
  return rest;
}

const apply = ({ client }: World, { of, object: body }: Copy): Promise<unknown> =>
  client.request({
    method: 'PATCH',
    path: pathOf(of, body.metadata),
    query: { fieldManager: 'plain', force: true },
    contentType: 'application/apply-patch+yaml',
    body,
  });
