/**
 * Which revision of its class a tenant is on. Pure; the rules of docs/decisions/0013 and 0072.
 *
 * Guarantees: only revisions that are kept are chosen, so that what a tenant runs on can always be found again; a class as it was before it moved
 * the tenant moves it nowhere.
 */
import type { TenantClassSpec, TenantClassStatus } from '../api/tenant-class.ts';
import type { TenantStatus } from '../api/tenant.ts';
import { revisionNameOf, type Kept } from './revisions.ts';

export interface ClassSeen {
  readonly name: string;
  readonly version: ClassVersion | undefined;
  /** Undefined where the stored spec does not fit the schema: then nobody is moved. */
  readonly spec: TenantClassSpec | undefined;
  readonly status: TenantClassStatus | undefined;
}

/** Which object, and which of its specs: the API server counts them. */
export type ClassVersion = NonNullable<TenantStatus['classSeen']>;

export interface Placed {
  readonly name: string;
  readonly pin: string | undefined;
  /** The revision that the tenant's status names. */
  readonly applied: string | undefined;
  /** The class as it was when the tenant came to that revision. */
  readonly seen: ClassVersion | undefined;
}

type Known = (revision: string | undefined) => string | undefined;

/** Undefined while there is none that the tenant could be on. */
export function chooseRevision(placed: Placed, seen: ClassSeen, kept: Kept): string | undefined {
  const known: Known = (revision) => (revision !== undefined && kept.has(revision) ? revision : undefined);
  const before = known(placed.applied);
  if (placed.pin !== undefined) return known(placed.pin) ?? before;
  if (isOlder(seen.version, placed.seen)) return before;
  const wanted = known(seen.spec && revisionNameOf(seen.name, seen.spec));
  if (wanted === undefined || wanted === before) return before;
  if (before === undefined) return firstRevision(seen, wanted, known);
  return goesAtOnce(seen, wanted) || isInWave(placed.name, seen, wanted) ? wanted : before;
}

/** Of the same class. A cache may be behind the tenant: what it has of the class was true once, and is no reason to go back. */
export const isOlder = (one: ClassVersion | undefined, other: ClassVersion | undefined): boolean =>
  one !== undefined && other !== undefined && one.uid === other.uid && one.generation < other.generation;

const waveTo = (wanted: string, { status }: ClassSeen) => (status?.wantedRevision === wanted ? status.rollout : undefined);

/** Of a new tenant: not one that has just proved to be bad, if there is another. */
const firstRevision = (seen: ClassSeen, wanted: string, known: Known): string =>
  waveTo(wanted, seen)?.stopped ? (known(seen.status?.currentRevision) ?? wanted) : wanted;

function isInWave(name: string, seen: ClassSeen, wanted: string): boolean {
  const wave = waveTo(wanted, seen);
  return wave !== undefined && !wave.stopped && wave.tenants.includes(name);
}

/** Without rollout everybody moves together, and so they do on the way back to the revision that all were on before. */
export const goesAtOnce = ({ spec, status }: Pick<ClassSeen, 'spec' | 'status'>, wanted: string): boolean =>
  !spec?.rollout || status?.currentRevision === wanted;
