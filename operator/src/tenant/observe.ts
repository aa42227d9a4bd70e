/** Gathers everything that a decision about one tenant needs, from caches, and live where a stale cache would cost a key or password. */
import { agentServiceAccount, namespaceOf, tenantObjectName, tenantSecrets } from '@cloister/tenancy';
import { createApiKey, parseApiKey } from '@cloister/identity';
import { isControlledBy, type BaseObject, type Cluster, type Kind } from 'kube-runtime';
import type { TenantSpec } from '../api/tenant.ts';
import { byHost, byIssuer, type Caches } from '../caches.ts';
import { fromBase64, versionOf } from '../child.ts';
import { readRevisions, revisionsOf } from '../class/revisions.ts';
import {
  controllerRevisions,
  ingresses,
  roleBindings,
  roles,
  secrets,
  type AgentConfig,
  type ControllerRevision,
  type Namespace,
  type NetworkPolicy,
  type Secret,
  type Tenant,
} from '../kinds.ts';
import type { UsageStatus } from '../api/usage.ts';
import type { ServingCertificate } from '../serving/certificate.ts';
import type { Configuration } from '../settings.ts';
import { usageShown } from '../usage/shown.ts';
import type { UsageWatch } from '../usage/usage-watch.ts';
import { eldersOf, hostOf, takenIssuers } from './claims.ts';
import { publishedKeys, type PublishedKeys } from './identity.ts';
import { legibleEntries, readProviderKeys, type OwnKeysSeen, type ProviderKeySeen } from './provider-keys.ts';
import { isTenants } from './whose-namespace.ts';
import { probeName } from './children/resource-quota.ts';
import { servingOf } from './serving.ts';
import { providersIn, standingOf, type Standing, type StandingWorld } from './standing.ts';

export interface TenantSnapshot {
  readonly tenant: Tenant;
  readonly name: string;
  readonly uid: string;
  readonly spec: TenantSpec;
  readonly standing: Standing;
  readonly configuration: Configuration;
  readonly host: string;
  /** Whether Kubernetes counts AgentConfigs by now. */
  readonly agentConfigsCounted: boolean;
  /** Another tenant that had this host before. */
  readonly hostTakenBy: string | undefined;
  readonly takenIssuers: ReadonlyMap<number, string>;
  readonly namespace: Namespace | undefined;
  readonly agents: readonly AgentConfig[];
  /** All of the namespace, whoever made them. */
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly serviceAccountUID: string | undefined;
  /** Every key of spec.access.apiKeys, new ones made here: a key that exists is never replaced. */
  readonly apiKeys: readonly ApiKey[];
  /** Value of the shared secret for HS256; undefined where it is not asked for. */
  readonly sharedSecret: SharedSecret | undefined;
  /** Keys of the tenant's own, in the order of spec.providerKeys. None of an archived one, which calls nobody. */
  readonly providerKeys: readonly ProviderKeySeen[];
  /** What egress was told of them; undefined where it was told nothing. */
  readonly toldOwnKeys: Secret | undefined;
  /** By which agents know edge; undefined until it has an identity. */
  readonly edgeKeys: PublishedKeys | undefined;
  /** That the agents are to show; undefined until there is an authority. */
  readonly serving: ServingCertificate | undefined;
  readonly databaseSecret: Secret | undefined;
  readonly redisSecret: Secret | undefined;
  /** As the status is to show it. */
  readonly usage: UsageStatus | undefined;
  /** Objects made for this tenant that a later spec may no longer want. */
  readonly removable: readonly Removable[];
}

export interface ApiKey {
  readonly name: string;
  readonly key: string;
  /** The version of the Secret that was seen, or `absent`. */
  readonly basedOn?: string;
}

export type SharedSecret = { readonly state: 'missing' | 'no key' | 'short' } | { readonly state: 'usable'; readonly value: string };

export interface Removable {
  readonly kind: Kind<BaseObject>;
  readonly object: BaseObject;
}

export interface TenantWorld {
  readonly cluster: Cluster;
  readonly caches: Caches;
  readonly configuration: Configuration;
  readonly usage: Pick<UsageWatch, 'of'>;
  readonly signal: AbortSignal;
}

type OwnKeysWorld = Omit<TenantWorld, 'usage'>;

export async function observeTenant(tenant: Tenant, spec: TenantSpec, world: TenantWorld): Promise<TenantSnapshot> {
  const { caches, configuration } = world;
  const { name, uid = '' } = tenant.metadata;
  const namespace = namespaceOf(name);
  const host = hostOf(tenant, configuration.ingress.baseDomain);
  const seenNamespace = caches.namespaces.get({ name: namespace });
  const brought = (name: string) => broughtSecret(tenant, name, world);
  const [unheardOf, apiKeys, sharedSecret, providerKeys, database, redis, serving] = await Promise.all([
    revisionUnheardOf(tenant, world),
    Promise.all(spec.access.apiKeys.map((entry) => apiKeyOf(name, entry.name, world))),
    readSharedSecret(spec, brought),
    readProviderKeys(spec.state === 'Archived' ? [] : (spec.providerKeys ?? []), brought),
    ownSecret(namespace, tenantSecrets.database, world),
    ownSecret(namespace, tenantSecrets.redis, world),
    ownSecret(namespace, tenantSecrets.serving, world).then((secret) => servingOf(tenant, secret, world)),
  ]);
  const standing = standingOf({ tenant, spec }, standingWorld(caches, unheardOf));
  return {
    tenant,
    name,
    uid,
    spec,
    standing,
    usage: usageShown(tenant.status?.usage, world.usage.of(uid, standing.alerts), standing.alerts),
    configuration,
    host,
    agentConfigsCounted: caches.agentConfigsCounted({ namespace: configuration.systemNamespace, name: probeName }) ?? false,
    hostTakenBy: eldersOf(tenant, caches.tenants.byIndex(byHost, host))[0]?.metadata.name,
    takenIssuers: takenIssuers(tenant, (key) => caches.tenants.byIndex(byIssuer, key)),
    namespace: seenNamespace,
    agents: caches.agentConfigs.list(namespace).filter((agent) => !agent.metadata.deletionTimestamp),
    networkPolicies: caches.networkPolicies.list(namespace),
    serviceAccountUID: caches.serviceAccounts.head({ namespace, name: agentServiceAccount })?.uid,
    apiKeys,
    sharedSecret,
    providerKeys,
    toldOwnKeys: toldOwnKeys(tenant, world),
    edgeKeys: publishedKeys(namespace, { systemNamespace: configuration.systemNamespace, now: new Date() }, caches),
    serving,
    databaseSecret: database,
    redisSecret: redis,
    removable: removables(tenant, namespace, world),
  };
}

/** Of a tenant whose spec is refused: all that its keys are followed by. */
export async function observeOwnKeys(tenant: Tenant, world: OwnKeysWorld): Promise<OwnKeysSeen> {
  const { caches, configuration } = world;
  const { name, uid = '' } = tenant.metadata;
  return {
    ...{ name, uid, configuration },
    providerKeys: await readProviderKeys(legibleEntries(tenant), (secret) => broughtSecret(tenant, secret, world)),
    standing: { providers: providersIn(standingWorld(caches)) },
    toldOwnKeys: toldOwnKeys(tenant, world),
  };
}

function toldOwnKeys(tenant: Tenant, { caches, configuration }: OwnKeysWorld): Secret | undefined {
  const told = caches.secrets.get({ namespace: configuration.ownKeysNamespace, name: tenantObjectName(tenant.metadata.name) });
  return told && isControlledBy(told, tenant) ? told : undefined;
}

/** Nothing is told of Secrets in a namespace that is somebody else's. */
async function broughtSecret(tenant: Tenant, name: string, world: OwnKeysWorld): Promise<Secret | undefined> {
  const namespace = namespaceOf(tenant.metadata.name);
  const seen = world.caches.namespaces.get({ name: namespace });
  return seen && isTenants(seen, tenant) ? ownSecret(namespace, name, world) : undefined;
}

/** `unheardOf`: revisions that the cache does not have. */
export const standingWorld = (
  { tenantClasses, modelProviders, classRevisions }: Caches,
  unheardOf: readonly ControllerRevision[] = [],
): StandingWorld => ({
  classes: tenantClasses.list(),
  providers: modelProviders.list(),
  revisionsOf: (tenantClass) =>
    readRevisions([...unheardOf.filter((one) => isControlledBy(one, tenantClass)), ...revisionsOf(tenantClass, classRevisions)]),
});

/** The one that the tenant is on, where the cache has not heard of it: whoever is taken for being on none is given another, out of turn. */
async function revisionUnheardOf(
  { status }: Tenant,
  { cluster, caches, configuration, signal }: TenantWorld,
): Promise<ControllerRevision[]> {
  if (status?.classRevision === undefined) return [];
  const key = { namespace: configuration.systemNamespace, name: status.classRevision };
  const live = caches.classRevisions.head(key) ? undefined : await cluster.get(controllerRevisions, key, { signal });
  return live ? [live] : [];
}

/** Asks the server where the cache has nothing, unless there is no namespace yet: a Secret overlooked would get another password. */
async function ownSecret(namespace: string, name: string, { cluster, caches, signal }: OwnKeysWorld): Promise<Secret | undefined> {
  const cached = caches.secrets.get({ namespace, name });
  if (cached || !caches.namespaces.head({ name: namespace })) return cached;
  return cluster.get(secrets, { namespace, name }, { signal });
}

const valueOf = (secret: Secret | undefined, key: string): string | undefined => fromBase64(secret?.data?.[key]);

async function apiKeyOf(tenant: string, name: string, world: TenantWorld): Promise<ApiKey> {
  const secret = await ownSecret(namespaceOf(tenant), tenantSecrets.apiKey(name), world);
  const key = valueOf(secret, 'key');
  const usable = key !== undefined && parseApiKey(key)?.tenant === tenant;
  return { name, key: usable ? key : createApiKey(tenant), basedOn: versionOf(secret) };
}

async function readSharedSecret(
  { access }: TenantSpec,
  read: (name: string) => Promise<Secret | undefined>,
): Promise<SharedSecret | undefined> {
  if (!access.hs256) return undefined;
  const { name, key } = access.hs256.secretRef;
  const secret = await read(name);
  if (!secret) return { state: 'missing' };
  const value = valueOf(secret, key);
  if (value === undefined) return { state: 'no key' };
  return Buffer.byteLength(value) < 32 ? { state: 'short' } : { state: 'usable', value };
}

/** Kinds of which a tenant has a varying number. In Cloister's own namespaces it has one Ingress, one access document and one of own keys at most. */
function removables(tenant: Tenant, namespace: string, { caches, configuration }: TenantWorld): Removable[] {
  const ours = (kind: Kind<BaseObject>, objects: readonly (BaseObject | undefined)[]) =>
    objects.flatMap((object) => (object && isControlledBy(object, tenant) ? { kind, object } : []));
  const name = tenantObjectName(tenant.metadata.name);
  return [
    ...ours(secrets, caches.secrets.list(namespace)),
    // Bindings first: none is left that gives a role that is gone.
    ...ours(roleBindings, caches.roleBindings.list(namespace)),
    ...ours(roles, caches.roles.list(namespace)),
    ...ours(ingresses, [caches.ingresses.get({ namespace: configuration.systemNamespace, name })]),
    ...[configuration.accessNamespace, configuration.ownKeysNamespace].flatMap((space) =>
      ours(secrets, [caches.secrets.get({ namespace: space, name })]),
    ),
  ];
}
