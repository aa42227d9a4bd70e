/**
 * Brings one tenant's world in line with its spec.
 *
 * Flow: observe → check → plan → apply → tell. `observe`, `apply` and `data` do I/O; the rest is pure.
 * Guarantees: level-triggered; a repeat on a converged tenant writes nothing; a crash after any write is made good by the next run;
 * a blocking finding leaves everything as it is, but for what has an end of its own: keys, of Cloister's and of others.
 * Assumptions: caches of all watched kinds have synced; one run per tenant at a time (the controller sees to both).
 */
import { namespaceOf, tenantConfigMaps } from '@cloister/tenancy';
import { isControlledBy, type ReconcileContext, type Result } from 'kube-runtime';
import type { ZodError } from 'zod';
import type { TenantStatus } from '../api/tenant.ts';
import type { Caches } from '../caches.ts';
import type { Child } from '../child.ts';
import type { Accounts } from '../data/accounts.ts';
import { nextDueMs } from './next-due.ts';
import { tenants, type Tenant } from '../kinds.ts';
import type { Configuration } from '../settings.ts';
import { announcements } from '../status/announce.ts';
import { blocking } from '../status/finding.ts';
import { tellOnTop } from '../status/on-top.ts';
import { applyChildren, type Outcome } from './apply.ts';
import { build } from './build.ts';
import { check, widenings, type Part } from './checks.ts';
import { edgeKeysConfigMap } from './children/edge-keys.ts';
import { namespaceChild } from './children/namespace.ts';
import { remainingOwnKeys } from './children/own-keys.ts';
import { servingSecret } from './children/secrets.ts';
import { parseTenantSpec } from './claims.ts';
import { provideData, type Provided } from './data.ts';
import { publishedKeys } from './identity.ts';
import { observeOwnKeys, observeTenant, type TenantSnapshot } from './observe.ts';
import type { OwnKeysSeen } from './provider-keys.ts';
import { keptServing, servingTold } from './serving.ts';
import { bareStatus, tenantStatusOf } from './status.ts';
import { together } from '../together.ts';
import { budgetAlerts, type Alert } from '../usage/shown.ts';
import type { UsageWatch } from '../usage/usage-watch.ts';

export interface TenantParts {
  readonly caches: Caches;
  readonly configuration: Configuration;
  readonly accounts: Accounts;
  readonly usage: Pick<UsageWatch, 'of' | 'onChange'>;
}

export async function reconcileTenant(context: ReconcileContext<Tenant>, parts: TenantParts): Promise<Result> {
  const tenant = context.object;
  const parsed = parseTenantSpec(tenant);
  if (!parsed.success) return refuseSpec(context, parsed.error, parts);
  const seen = await observeTenant(tenant, parsed.data, { ...parts, cluster: context.cluster, signal: context.signal });
  const findings = check(seen);
  const outcome = blocking(findings) ? nothingDone : await bringAbout(context, seen, parts.accounts);

  const status = tenantStatusOf(seen, { ...outcome, findings: [...findings, ...outcome.findings] }, new Date());
  const kept = blocking(findings) ? keepWhatEnds(context, seen, parts) : Promise.resolve();
  const [told] = await together([tell(context, status), kept]);
  for (const note of outcome.notes ?? []) context.record(note);
  if (outcome.error) throw outcome.error;
  if (told?.again) return told.again;
  if (told) throw told.untold;
  return { requeueAfter: nextLook(seen, outcome) };
}

async function refuseSpec(context: ReconcileContext<Tenant>, { issues }: ZodError, parts: TenantParts): Promise<Result> {
  const tenant = context.object;
  const seen = await observeOwnKeys(tenant, { ...parts, cluster: context.cluster, signal: context.signal });
  const message = issues.map((issue) => `spec.${issue.path.join('.')}: ${issue.message}`).join('; ');
  const status = bareStatus(tenant, [{ condition: 'QuotaReady', reason: 'InvalidSpec', message, blocks: true }], new Date());
  const [, told] = await together([keepWhatEnds(context, seen, parts), tell(context, status)]);
  if (told?.again) return told.again;
  return seen.toldOwnKeys ? { requeueAfter: broughtSecretMs } : {};
}

/** Of the data, nothing is known where it was not looked at. */
type Done = Outcome &
  Partial<Pick<Provided, 'notes' | 'rotating'>> & { readonly credentials?: TenantStatus['credentials']; readonly unseen?: readonly Part[] };

/** Not made where the walls do not stand. Keys, roles and the account of the agents are made beside them. */
const partsBehindWalls: readonly Part[] = ['NetworkIsolated', 'QuotaReady', 'EndpointReady'];

const nothingDone: Done = { findings: [], error: undefined };

async function bringAbout(context: ReconcileContext<Tenant>, seen: TenantSnapshot, accounts: Accounts): Promise<Done> {
  const ground = await applyChildren(context, [namespaceChild(seen)]);
  // All that a tenant has is in its namespace, or is worth nothing without.
  if (ground.findings.length > 0) return { ...ground, findings: ground.findings.map((finding) => ({ ...finding, blocks: true })) };
  // A key that was revoked, or the way in to an archived tenant, must not wait for Postgres.
  const [built, data] = await together([build(context, seen, ground.stands), bringData(context, seen, accounts)]);
  const serving = servingTold(seen, built.applied);
  return {
    ...data,
    credentials: { ...data.credentials, ...serving.credentials },
    notes: [...data.notes, ...serving.notes],
    findings: [...built.findings, ...data.findings],
    unseen: built.stands ? [] : partsBehindWalls,
    error: built.error ?? data.error,
  };
}

async function bringData(context: ReconcileContext<Tenant>, seen: TenantSnapshot, accounts: Accounts): Promise<Provided> {
  const data = await provideData(context, seen, { accounts, lives: () => lives(context) });
  const kept = await applyChildren(context, data.children);
  return { ...data, findings: [...data.findings, ...kept.findings], error: data.error ?? kept.error };
}

/**
 * What goes on however a spec is refused, and whether or not that can be told: a key that was withdrawn must not stay in use because a status cannot
 * be written.
 */
async function keepWhatEnds(context: ReconcileContext<Tenant>, seen: OwnKeysSeen, parts: TenantParts): Promise<void> {
  await together([applyEach(context, remainingOwnKeys(seen)), keepTrust(context, parts)]);
}

/** Whatever a tenant's spec says: the agents that it has and edge must go on knowing each other, by keys that change for all tenants together. */
async function keepTrust(context: ReconcileContext<Tenant>, parts: TenantParts): Promise<void> {
  const { caches, configuration } = parts;
  const { name } = context.object.metadata;
  const namespace = namespaceOf(name);
  const there = caches.configMaps.get({ namespace, name: tenantConfigMaps.edgeIdentity });
  if (!there || !isControlledBy(there, context.object)) return;
  const edgeKeys = publishedKeys(namespace, { systemNamespace: configuration.systemNamespace, now: new Date() }, caches);
  const serving = await keptServing(context.object, { ...parts, cluster: context.cluster, signal: context.signal });
  await applyEach(context, [...edgeKeysConfigMap({ name, edgeKeys }), ...servingSecret({ name, serving })]);
}

async function applyEach(context: ReconcileContext<Tenant>, children: readonly Child[]): Promise<void> {
  for (const { kind, desired, basedOn } of children) await context.apply(kind, desired, { ...(basedOn !== undefined && { basedOn }) });
}

/** A cache may be behind: another replica, or this one before a cut, may have retired the Tenant. */
async function lives({ cluster, object, signal }: ReconcileContext<Tenant>): Promise<boolean> {
  const live = await cluster.get(tenants, { name: object.metadata.name }, { signal });
  return live !== undefined && live.metadata.uid === object.metadata.uid && live.metadata.deletionTimestamp === undefined;
}

/** What was left for another run. */
interface Untold {
  /** The Tenant has changed since it was looked at, so nothing was told. */
  readonly again?: Result;
  /** Why an alert could not be told of; it, and the usage that it is about, were not. */
  readonly untold?: unknown;
}

async function tell(context: ReconcileContext<Tenant>, status: NonNullable<Tenant['status']>): Promise<Untold | undefined> {
  const before = context.object.status;
  // First: the status says which alerts were told, whatever becomes of this process.
  const refused = await alert(context, budgetAlerts(before?.usage, status.usage));
  // It says what the tenant has come to, which a Tenant of the past does not know.
  const whole = refused === undefined ? status : { ...status, usage: before?.usage };
  const again = await tellOnTop(context, whole);
  if (again) return { again };
  for (const note of announcements(before?.conditions, status.conditions, widenings)) context.record(note);
  return refused === undefined ? undefined : { untold: refused };
}

async function alert({ recordOnce }: ReconcileContext<Tenant>, alerts: readonly Alert[]): Promise<unknown> {
  try {
    for (const { note, occasion } of alerts) await recordOnce(note, occasion);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** While an old credential waits for its last pod to go. */
const rotationLookMs = 2_000;

/** What did not work although nothing failed, such as a Secret that others have to mend, is tried again so often. */
const attentionMs = 10_000;
const broughtSecretMs = 60_000;

/** Who has not brought a Secret for so long is not about to. */
const patienceMs = 300_000;

/** Watches are the trigger; this is for what cannot be watched: age, and Secrets that others made without our label. */
function nextLook(
  { tenant, configuration, sharedSecret, providerKeys }: TenantSnapshot,
  { findings, rotating, credentials }: Done,
): number {
  if (rotating) return rotationLookMs;
  const brought = [sharedSecret, ...providerKeys.map(({ seen }) => seen)].filter((secret) => secret !== undefined);
  const awaited = brought.some(({ state }) => state !== 'usable') && !areCredentialsLongAmiss(tenant);
  const wantsAttention = awaited || findings.some(({ condition }) => condition === 'DataReady');
  const due = nextDueMs(credentials, { rotation: configuration.rotation, holder: tenant.metadata.uid ?? '' }, new Date());
  return Math.min(due, wantsAttention ? attentionMs : brought.length > 0 ? broughtSecretMs : Infinity);
}

function areCredentialsLongAmiss({ status }: Tenant): boolean {
  const told = status?.conditions?.find(({ type }) => type === 'CredentialsReady');
  return told?.status === 'False' && Date.now() - Date.parse(told.lastTransitionTime) > patienceMs;
}
