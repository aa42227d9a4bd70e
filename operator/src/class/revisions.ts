/**
 * Revisions of a TenantClass: what a spec says of its tenants, kept under a name that its content makes, so that editing a class back finds
 * the revision of before. Each is a ControllerRevision in the system namespace, whose data the API server lets nobody change.
 */
import { labels } from '@cloister/tenancy';
import { isControlledBy, type Informer } from 'kube-runtime';
import { tenantClassSpec, type TenantClassSpec } from '../api/tenant-class.ts';
import { child, type Child } from '../child.ts';
import { shortHash } from '../hash.ts';
import { controllerRevisions, type ControllerRevision, type TenantClass } from '../kinds.ts';
import { systemLabels } from '../labels.ts';
import { remembered } from '../remembered.ts';

/** Index of the cached revisions, by the name of their class. */
export const revisionsByClass = 'class';
export const classOfRevision = ({ metadata }: ControllerRevision): string[] => {
  const name = metadata.labels?.[labels.tenantClass];
  return name === undefined ? [] : [name];
};

/** How many revisions are kept beyond those in use. */
const historyLimit = 5;

type Content = Omit<TenantClassSpec, 'default' | 'rollout'>;

/** What tenants feel of a class. Who it is the default for, and how it is rolled out, makes no revision. */
const contentOf = ({ default: _, rollout: __, ...content }: TenantClassSpec): Content => content;

export const revisionNameOf = (className: string, spec: TenantClassSpec): string => `${className}-${shortHash(contentOf(spec))}`;

export const revisionChild = (
  className: string,
  spec: TenantClassSpec,
  { namespace, number }: { namespace: string; number: number },
): Child => ({
  ...child(controllerRevisions, {
    metadata: { name: revisionNameOf(className, spec), namespace, labels: { ...systemLabels, [labels.tenantClass]: className } },
    revision: number,
    data: { ...contentOf(spec) },
  }),
  // Data under this name that somebody else put there is not what the class says.
  adopt: false,
});

/** All kept revisions of a class, of this very one: not of an earlier class of its name. */
export const revisionsOf = (tenantClass: TenantClass, cache: Informer<ControllerRevision>): ControllerRevision[] =>
  cache.byIndex(revisionsByClass, tenantClass.metadata.name).filter((revision) => isControlledBy(revision, tenantClass));

export type Kept = ReadonlyMap<string, TenantClassSpec>;

/** What each revision says, by name. One that cannot be read counts as not kept. */
export const readRevisions = (revisions: readonly ControllerRevision[]): Kept =>
  new Map(
    revisions.flatMap((revision) => {
      const spec = specIn(revision);
      return spec ? [[revision.metadata.name, spec] as const] : [];
    }),
  );

const specIn = remembered(({ data }: ControllerRevision) => tenantClassSpec.safeParse(data).data);

/** The number of the wanted revision: the highest, also when it was made long ago. */
export function numberOf(wanted: string, revisions: readonly ControllerRevision[]): number {
  const own = revisions.find(({ metadata }) => metadata.name === wanted)?.revision ?? 0;
  const highest = Math.max(0, ...revisions.filter(({ metadata }) => metadata.name !== wanted).map(({ revision }) => revision));
  return own > highest ? own : highest + 1;
}

/** Revisions that nobody needs and that are not among the latest few. */
export const outdatedRevisions = (revisions: readonly ControllerRevision[], isNeeded: (name: string) => boolean): ControllerRevision[] =>
  revisions
    .filter(({ metadata }) => !isNeeded(metadata.name))
    .sort((a, b) => b.revision - a.revision)
    .slice(historyLimit);
