import { at, equal, recordOf } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import type { ServedKind } from '../rules/served-kind.ts';
import { deletion, label, on, type Step, type World } from './step.ts';

/**
 * Deployments and what a node makes of their pods, without ReplicaSets between them: pods of an old template go one at a time, missing
 * ones are made, each becomes Ready by itself, and the status tells.
 */
export function runDeployments(world: World): Step[] {
  const pods = world.kinds.find(({ kind }) => kind.apiVersion === 'v1' && kind.kind === 'Pod');
  if (!pods) return [];
  return [
    ...world.all
      .filter(({ served }) => served.kind.kind === 'Deployment')
      .flatMap(({ served, object }) => rollOut(world, served, object, pods)),
    ...world.all.filter(({ served }) => served === pods).flatMap(({ object }) => startPod(world, pods, object)),
  ];
}

function rollOut(world: World, served: ServedKind, deployment: StoredObject, pods: ServedKind): Step[] {
  const { metadata, status } = deployment;
  if (metadata.deletionTimestamp) return [];
  const own = podsOf(world, deployment, pods);
  const wanted = Number(at(deployment, ['spec', 'replicas']) ?? 1);
  const current = own.filter((pod) => isOf(deployment, pod));
  const surplus = [...own.filter((pod) => !isOf(deployment, pod)), ...current.slice(wanted)];
  const step = (what: string, run: () => void): Step => ({ name: `deployment controller: ${what}`, run });
  const steps: Step[] = [];
  if (current.length < wanted)
    steps.push(step(`create a pod of ${label(served, deployment)}`, () => createPod(world, served, deployment, pods)));
  for (const pod of surplus.slice(0, 1)) steps.push(step(`delete ${label(pods, pod)}`, () => world.request(deletion(pods.kind, pod))));
  const ready = own.filter(isReady).length;
  const counts = {
    replicas: own.length,
    updatedReplicas: Math.min(current.length, wanted),
    readyReplicas: ready,
    availableReplicas: ready,
  };
  const told = { ...recordOf(status), observedGeneration: metadata.generation, ...counts };
  if (!equal(told, status)) {
    const body = { status: told };
    const request = { method: 'PATCH', contentType: 'application/merge-patch+json', body } as const;
    steps.push(
      step(`tell the status of ${label(served, deployment)}`, () => world.request(on(served.kind, deployment, request, 'status'))),
    );
  }
  return steps;
}

const podsOf = ({ all }: World, { metadata }: StoredObject, pods: ServedKind): StoredObject[] =>
  all
    .filter(({ served, object }) => served === pods && object.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
    .map(({ object }) => object);

/** Made from the template as it is now. */
const isOf = (deployment: StoredObject, pod: StoredObject): boolean =>
  equal(pod['spec'], at(deployment, ['spec', 'template', 'spec'])) &&
  equal(pod.metadata.annotations, at(deployment, ['spec', 'template', 'metadata', 'annotations']));

const isReady = (pod: StoredObject): boolean => at(pod, ['status', 'phase']) === 'Running';

function createPod(world: World, { kind }: ServedKind, deployment: StoredObject, pods: ServedKind): void {
  const { name, namespace, uid } = deployment.metadata;
  const { labels, annotations } = recordOf(at(deployment, ['spec', 'template', 'metadata']));
  const owner = { apiVersion: kind.apiVersion, kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
  const metadata = { generateName: `${name}-`, namespace, labels, annotations, ownerReferences: [owner] };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: at(deployment, ['spec', 'template', 'spec']) };
  world.request({ method: 'POST', path: `/api/v1/namespaces/${namespace ?? ''}/${pods.kind.plural}`, body });
}

function startPod(world: World, pods: ServedKind, pod: StoredObject): Step[] {
  if (isReady(pod) || pod.metadata.deletionTimestamp) return [];
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const request = { method: 'PATCH', contentType: 'application/merge-patch+json', body: { status } } as const;
  return [{ name: `kubelet: start ${label(pods, pod)}`, run: () => world.request(on(pods.kind, pod, request, 'status')) }];
}
