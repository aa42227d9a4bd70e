import type { Condition } from 'kube-runtime';
import type { TenantClassStatus } from '../api/tenant-class.ts';
import type { TenantClass } from '../kinds.ts';
import { judge } from '../status/conditions.ts';
import { blocking, type Finding } from '../status/finding.ts';

const parts = ['SpecValid', 'DefaultUnique', 'RolledOut'] as const;
export type ClassFinding = Finding<(typeof parts)[number]>;

export function conditionsOf(object: TenantClass, findings: readonly ClassFinding[], status: TenantClassStatus, now: Date): Condition[] {
  const { tenants = 0, pinnedTenants = 0, wantedRevision = '' } = status;
  const free = tenants - pinnedTenants;
  const pinned = pinnedTenants > 0 ? `, ${pinnedTenants} are pinned` : '';
  return judge({
    object,
    previous: object.status?.conditions,
    findings,
    parts,
    unseen: blocking(findings) ? parts : [],
    good: {
      Ready: { reason: 'Ready', message: 'may be used, and every tenant that is not pinned is on its latest revision' },
      RolledOut: { reason: 'Ready', message: `all ${free} tenants are on revision ${wantedRevision}${pinned}` },
    },
    now,
  });
}
