import { annotations, labels } from '@cloister/tenancy';
import { controllerOf, type BaseObject, type Cluster, type EventNote, type Kind } from 'kube-runtime';
import { deployments, pods, replicaSets, type Pod, type ReplicaSet } from '../kinds.ts';

/** Long after Kubernetes' own controllers have done all that they are going to do: a pod that started, or was to end, is no stray because of them. */
export const straysAfterMs = 60_000;

/** Pods that no Deployment answers for. */
export interface Strays {
  /** That have been there for `straysAfterMs`: whose they are has to be asked. */
  readonly suspects: readonly Pod[];
  /** Milliseconds until others would be suspects, if there are others. */
  readonly lookAgainMs: number | undefined;
}

const none: Strays = { suspects: [], lookAgainMs: undefined };

/** What should run. */
export interface Expected {
  /** Pods that their Deployment counts; none where there is no Deployment. */
  readonly count: number;
  /** RFC 3339: since when the pods of any other Deployment were to end. */
  readonly since: string | undefined;
}

/** More pods than are expected. Pure, and free of cost where nothing is astray. */
export function straysAmong(present: readonly Pod[], { count, since }: Expected, now: Date): Strays {
  const lasting = present.filter(isLasting);
  if (lasting.length <= count) return none;
  const isOld = (time = now.toISOString()) => now.getTime() - Date.parse(time) >= straysAfterMs;
  const old = isOld(since) ? lasting.filter(({ metadata }) => isOld(metadata.creationTimestamp)) : [];
  return { suspects: old.length > count ? old : [], lookAgainMs: straysAfterMs };
}

const isLasting = ({ metadata, status }: Pod): boolean =>
  !metadata.deletionTimestamp && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

interface Ending {
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
  readonly record: (note: EventNote) => void;
}

/**
 * Ends pods whose ReplicaSet or Deployment is gone or has let go of them, and tells of them. Returns the milliseconds after which to look again, if at all.
 *
 * That is the garbage collector's work. But it may never do it where its watches were cut while an owner went: one that was made again under
 * its name is then taken for the former (`removeLeftOver` in kube-runtime). Nor is it its work where an owner was deleted with `--cascade=orphan`: then
 * whatever selects such a pod may take it over. Such pods would run, and be asked, for ever.
 * Asked live, and a dependent before its owner: a UID never comes back, so an owner that is not there afterwards is gone for good.
 */
export async function endStrays(ending: Ending, present: readonly Pod[], expected: Expected): Promise<number | undefined> {
  const { suspects, lookAgainMs } = straysAmong(present, expected, new Date());
  for (const pod of suspects) {
    const stray = await strayOf(pod, ending);
    if (stray && (await ending.cluster.delete(stray.kind, stray.object, { signal: ending.signal }))) ending.record(ended(stray));
  }
  return lookAgainMs;
}

interface Stray {
  readonly kind: Kind<BaseObject>;
  readonly object: BaseObject;
}

/** The pod, where it has lost its ReplicaSet, or the ReplicaSet, where that has lost its Deployment: its pods follow it, or are strays themselves by the next look. */
async function strayOf(pod: Pod, { cluster, signal }: Ending): Promise<Stray | undefined> {
  if (!isMadeByOperator(pod)) return undefined;
  const replicaSet = await ownerOf(pod, replicaSets, { cluster, signal });
  if (replicaSet === 'going') return undefined;
  if (replicaSet === 'none' || !isOfAgent(replicaSet, pod)) return { kind: pods, object: pod };
  const deployment = await ownerOf(replicaSet, deployments, { cluster, signal });
  return deployment === 'none' ? { kind: replicaSets, object: replicaSet } : undefined;
}

/** From a template of the operator's, directly or not. A pod that somebody made by hand is theirs. */
const isMadeByOperator = ({ metadata }: Pod): boolean =>
  metadata.labels?.[labels.agent] !== undefined && metadata.annotations?.[annotations.credentials] !== undefined;

/** By its template: nothing keeps a tenant from giving the label to a ReplicaSet itself, and so taking over a pod that nobody controls. */
const isOfAgent = ({ spec }: ReplicaSet, pod: Pod): boolean =>
  spec?.template?.metadata?.labels?.[labels.agent] === pod.metadata.labels?.[labels.agent];

/** `none`: it is gone, or what controls the object, if anything, is of another kind. `going`: on its way out by itself. */
async function ownerOf<T extends BaseObject>(
  object: BaseObject,
  of: Kind<T>,
  { cluster, signal }: Pick<Ending, 'cluster' | 'signal'>,
): Promise<T | 'none' | 'going'> {
  const owner = controllerOf(object);
  if (owner?.kind !== of.kind) return 'none';
  const live = await cluster.get(of, { name: owner.name, namespace: object.metadata.namespace }, { signal });
  if (live?.metadata.uid !== owner.uid) return 'none';
  return live.metadata.deletionTimestamp === undefined ? live : 'going';
}

const ended = ({ kind, object }: Stray): EventNote => ({
  type: 'Warning',
  reason: 'StrayPodsEnded',
  message: `${kind.kind} ${object.metadata.name} was left behind, and running, by an owner that is gone or has let go of it: it is ended`,
});
