/**
 * Which revision of its class a tenant is on. Pure; the rules of docs/decisions/0013.
 *
 * Guarantee: only revisions that are kept are chosen, so that what a tenant runs on can always be found again.
 */
import type { TenantClassSpec, TenantClassStatus } from '../api/tenant-class.ts';
import { revisionNameOf, type Kept } from './revisions.ts';

export interface ClassSeen {
  readonly name: string;
  /** Undefined where the stored spec does not fit the schema: then nobody is moved. */
  readonly spec: TenantClassSpec | undefined;
  readonly status: TenantClassStatus | undefined;
}

export interface Placed {
  readonly name: string;
  readonly pin: string | undefined;
  /** The revision that the tenant's status names. */
  readonly applied: string | undefined;
}

type Known = (revision: string | undefined) => string | undefined;

/** Undefined while there is none that the tenant could be on. */
export function chooseRevision(placed: Placed, seen: ClassSeen, kept: Kept): string | undefined {
  const known: Known = (revision) => (revision !== undefined && kept.has(revision) ? revision : undefined);
  const before = known(placed.applied);
  if (placed.pin !== undefined) return known(placed.pin) ?? before;
  const wanted = known(seen.spec && revisionNameOf(seen.name, seen.spec));
  if (wanted === undefined || wanted === before) return before;
  if (before === undefined) return firstRevision(seen, wanted, known);
  return goesAtOnce(seen, wanted) || isInWave(placed.name, seen, wanted) ? wanted : before;
}

const waveTo = (wanted: string, { status }: ClassSeen) => (status?.wantedRevision === wanted ? status.rollout : undefined);

/** Of a new tenant: not one that has just proved to be bad, if there is another. */
const firstRevision = (seen: ClassSeen, wanted: string, known: Known): string =>
  waveTo(wanted, seen)?.stopped ? (known(seen.status?.currentRevision) ?? wanted) : wanted;

function isInWave(name: string, seen: ClassSeen, wanted: string): boolean {
  const wave = waveTo(wanted, seen);
  return wave !== undefined && !wave.stopped && wave.tenants.includes(name);
}

/** Without rollout everybody moves together, and so they do on the way back to the revision that all were on before. */
export const goesAtOnce = ({ spec, status }: ClassSeen, wanted: string): boolean => !spec?.rollout || status?.currentRevision === wanted;
