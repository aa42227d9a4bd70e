import type { ReconcileContext } from 'kube-runtime';
import { tenantClassSpec } from '../api/tenant-class.ts';
import type { Caches } from '../caches.ts';
import type { TenantClass } from '../kinds.ts';
import { announcements } from '../status/announce.ts';
import { judge } from '../status/conditions.ts';
import type { Finding } from '../status/finding.ts';
import { parseTenantSpec } from '../tenant/claims.ts';

const parts = ['SpecValid', 'DefaultUnique'] as const;
type ClassFinding = Finding<(typeof parts)[number]>;

/** Counts the tenants of a class, and says when more than one class claims to be the default. Makes nothing. */
export async function reconcileClass(context: ReconcileContext<TenantClass>, { tenantClasses, tenants }: Caches): Promise<void> {
  const { object, name } = context;
  const defaults = tenantClasses
    .list()
    .filter(({ spec }) => tenantClassSpec.safeParse(spec).data?.default)
    .map((one) => one.metadata.name)
    .sort();
  const count = tenants.list().filter((tenant) => {
    const parsed = parseTenantSpec(tenant).data;
    return parsed && (parsed.classRef?.name ?? (defaults.length === 1 ? defaults[0] : undefined)) === name;
  }).length;
  const conditions = judge({
    object,
    previous: object.status?.conditions,
    findings: findingsOf(object, defaults),
    parts,
    good: { Ready: { reason: 'Ready', message: 'may be used' } },
    now: new Date(),
  });
  await context.updateStatus({ observedGeneration: object.metadata.generation, tenants: count, conditions });
  for (const note of announcements(object.status?.conditions, conditions)) context.record(note);
}

function findingsOf({ metadata, spec }: TenantClass, defaults: readonly string[]): ClassFinding[] {
  const parsed = tenantClassSpec.safeParse(spec);
  if (!parsed.success) {
    const message = parsed.error.issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`).join('; ');
    return [{ condition: 'SpecValid', reason: 'InvalidSpec', message, blocks: false }];
  }
  if (defaults.length < 2 || !defaults.includes(metadata.name)) return [];
  const message = `spec.default is true here and on ${defaults.filter((other) => other !== metadata.name).join(', ')}; leave it to one class`;
  return [{ condition: 'DefaultUnique', reason: 'SeveralDefaults', message, blocks: false }];
}
