/**
 * Keeps the revisions of a class and moves its tenants from one to the next.
 *
 * Flow: keep the wanted revision → look at the tenants → decide → tell → forget old revisions. What is told is also what is done: tenants
 * read in the status of their class whether they are in a wave, and move by themselves.
 * Guarantees: level-triggered; a crash between any two writes is made good by the next run; a repeat writes nothing.
 */
import type { ReconcileContext, Result } from 'kube-runtime';
import { tenantClassSpec, type TenantClassSpec, type TenantClassStatus } from '../api/tenant-class.ts';
import type { Caches } from '../caches.ts';
import { controllerRevisions, type TenantClass } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { announcements } from '../status/announce.ts';
import { tellOnTop } from '../status/on-top.ts';
import { refusalOf, type Refusal } from '../status/refusal.ts';
import { goesAtOnce } from './choice.ts';
import { byRevision, memberOf, tenantsOfClass, type Membership } from './members.ts';
import { numberOf, outdatedRevisions, revisionChild, revisionNameOf, revisionsOf } from './revisions.ts';
import { conditionsOf, type ClassFinding } from './status.ts';
import { decideWave, type Decision } from './waves.ts';

export interface ClassParts {
  readonly caches: Caches;
  readonly configuration: Configuration;
}

type Context = ReconcileContext<TenantClass>;

export async function reconcileClass(context: Context, { caches, configuration }: ClassParts): Promise<Result | undefined> {
  const { object, name } = context;
  const defaults = defaultsAmong(caches.tenantClasses.list());
  const tenants = tenantsOfClass(caches, name, defaults.length === 1 && defaults[0] === name);
  const findings = severalDefaults(name, defaults);
  const parsed = tenantClassSpec.safeParse(object.spec);
  if (object.metadata.deletionTimestamp) {
    const message = 'the class is being deleted; its tenants keep what they run and are not changed any more';
    const deleting = { condition: 'RolledOut', reason: 'Deleting', message, blocks: true } as const;
    return tell(context, { status: { ...object.status, tenants: tenants.length }, findings: [deleting] });
  }
  if (!parsed.success) {
    const message = parsed.error.issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`).join('; ');
    const invalid = { condition: 'SpecValid', reason: 'InvalidSpec', message, blocks: true } as const;
    return tell(context, { status: { ...object.status, tenants: tenants.length }, findings: [invalid] });
  }
  const wanted = revisionNameOf(name, parsed.data);
  const refusal = await keepRevision(context, parsed.data, { caches, configuration });
  const { decision, pinned, updated } = refusal ? nobodyMoves(object) : decide(object, parsed.data, { wanted, tenants, caches });
  const { wave, complete, hold, lookAgainAt } = decision;
  if (refusal) findings.push({ condition: 'RolledOut', reason: refusal.reason, message: refusal.message, blocks: false });
  if (hold) findings.push({ condition: 'RolledOut', ...hold, blocks: false });
  const status: TenantClassStatus = {
    tenants: tenants.length,
    pinnedTenants: pinned,
    updatedTenants: updated,
    wantedRevision: wanted,
    currentRevision: complete ? wanted : object.status?.currentRevision,
    rollout: wave,
  };
  const again = await tell(context, { status, findings });
  if (refusal) throw refusal.error;
  if (again) return again;
  await forgetOutdated(context, caches, new Set([wanted, status.currentRevision]));
  return lookAgainAt === undefined ? {} : { requeueAfter: Math.max(0, lookAgainAt - Date.now()) + 20 };
}

async function forgetOutdated(
  { object, cluster, signal }: Context,
  caches: Caches,
  needed: ReadonlySet<string | undefined>,
): Promise<void> {
  const isNeeded = (revision: string) => needed.has(revision) || caches.tenants.headsByIndex(byRevision, revision).length > 0;
  for (const old of outdatedRevisions(revisionsOf(object, caches.classRevisions), isNeeded))
    await cluster.delete(controllerRevisions, old, { signal });
}

/** Before anybody is moved to it: a tenant never runs on a revision that is not kept. */
async function keepRevision(context: Context, spec: TenantClassSpec, { caches, configuration }: ClassParts): Promise<Refusal | undefined> {
  const { object, name } = context;
  const number = numberOf(revisionNameOf(name, spec), revisionsOf(object, caches.classRevisions));
  const { kind, desired, adopt = true } = revisionChild(name, spec, { namespace: configuration.systemNamespace, number });
  return context.apply(kind, desired, { adopt }).then(
    () => undefined,
    (error: unknown) => refusalOf(error, 'the revision of the class'),
  );
}

interface Decided {
  readonly decision: Decision;
  readonly pinned: number | undefined;
  readonly updated: number | undefined;
}

interface World {
  readonly wanted: string;
  readonly tenants: readonly Membership[];
  readonly caches: Caches;
}

function decide({ status }: TenantClass, spec: TenantClassSpec, { wanted, tenants, caches }: World): Decided {
  const wave = status?.wantedRevision === wanted ? status.rollout : undefined;
  const staying = tenants.filter(({ leaving }) => !leaving);
  const free = staying.filter(({ pin }) => pin === undefined);
  const parts = { caches, canary: spec.rollout?.canary, inWave: new Set(wave?.tenants) };
  const members = free.map((tenant) => memberOf(tenant, parts));
  const atOnce = goesAtOnce({ spec, status }, wanted);
  return {
    decision: decideWave({ wanted, atOnce, rollout: spec.rollout, wave, members, now: Date.now() }),
    pinned: staying.length - free.length,
    updated: members.filter(({ revision }) => revision === wanted).length,
  };
}

const nobodyMoves = ({ status }: TenantClass): Decided => ({
  decision: { complete: false, wave: undefined },
  pinned: status?.pinnedTenants,
  updated: status?.updatedTenants,
});

interface Told {
  readonly status: TenantClassStatus;
  readonly findings: readonly ClassFinding[];
}

/** Resolves with what to ask for where nothing was told, since the class has changed after it was looked at. */
async function tell(context: Context, { status, findings }: Told): Promise<Result | undefined> {
  const { object } = context;
  const conditions = conditionsOf(object, findings, status, new Date());
  // It says how far the tenants have come, which a class of the past does not know.
  const whole = { ...status, observedGeneration: object.metadata.generation, conditions };
  const again = await tellOnTop(context, whole);
  if (again) return again;
  for (const note of announcements(object.status?.conditions, conditions)) context.record(note);
  return undefined;
}

const defaultsAmong = (classes: readonly TenantClass[]): string[] =>
  classes
    .filter(({ spec }) => tenantClassSpec.safeParse(spec).data?.default)
    .map(({ metadata }) => metadata.name)
    .sort();

function severalDefaults(name: string, defaults: readonly string[]): ClassFinding[] {
  if (defaults.length < 2 || !defaults.includes(name)) return [];
  const message = `spec.default is true here and on ${defaults.filter((other) => other !== name).join(', ')}; leave it to one class`;
  return [{ condition: 'DefaultUnique', reason: 'SeveralDefaults', message, blocks: false }];
}
