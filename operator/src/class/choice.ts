/**
 * Which revision of its class a tenant is on. Pure; the rules of docs/decisions/0011.
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

/** Undefined while there is none that the tenant could be on. */
export function chooseRevision({ name, pin, applied }: Placed, seen: ClassSeen, kept: Kept): string | undefined {
  const known = (revision: string | undefined) => (revision !== undefined && kept.has(revision) ? revision : undefined);
  if (pin !== undefined) return known(pin) ?? known(applied);
  const { spec, status } = seen;
  const wanted = spec && known(revisionNameOf(seen.name, spec));
  const before = known(applied);
  if (wanted === undefined || wanted === before) return before;
  const wave = status?.wantedRevision === wanted ? status.rollout : undefined;
  if (before === undefined) return wave?.stopped ? (known(status?.currentRevision) ?? wanted) : wanted;
  return goesAtOnce(seen, wanted) || (wave && !wave.stopped && wave.tenants.includes(name)) ? wanted : before;
}

/** Without rollout everybody moves together, and so they do on the way back to the revision that all were on before. */
export const goesAtOnce = ({ spec, status }: ClassSeen, wanted: string): boolean => !spec?.rollout || status?.currentRevision === wanted;
