/**
 * What the operator has told the gateway, as look-ups in memory. No request waits for the API server.
 *
 * Guarantee: a document that the informer has seen is in effect for the next look-up.
 */
import { isDeepStrictEqual } from 'node:util';
import type { IssuedKey, OwnKeys, ProviderDocument, TenantAccess, TenantPolicy } from '@cloister/tenancy';
import { Catalogue } from './catalogue.ts';

export interface Policies {
  byTenant(name: string): TenantPolicy | undefined;
  byNamespace(namespace: string): TenantPolicy | undefined;
  /** `host` in lower case, without port. A host that two tenants claim is nobody's. */
  byHost(host: string): TenantPolicy | undefined;
  all(): Iterable<TenantPolicy>;
}

export interface Access {
  byTenant(name: string): TenantAccess | undefined;
  /** The tenant that trusts tokens of this issuer for this audience when `claim` holds `value`, its name. */
  byClaim(issuer: string, audience: string, claim: string, value: string): TenantAccess | undefined;
  /** The tenant to which this issuer and audience belong alone. Undefined as soon as a second tenant names both. */
  byIssuer(issuer: string, audience: string): TenantAccess | undefined;
  /** Keys that edge itself has issued, beside those of {@link byTenant}, which tenants declare. */
  readonly issued: IssuedKeys;
  /** Whether any tenant trusts this issuer, for whatever audience. */
  trustsIssuer(issuer: string): boolean;
}

export interface IssuedKeys {
  byId(tenant: string, id: string): IssuedKey | undefined;
  ofTenant(tenant: string): readonly IssuedKey[];
}

export interface Providers {
  byName(name: string): ProviderDocument | undefined;
}

export interface Credentials {
  /** The value of one key of a Secret in the providers namespace. */
  read(secretName: string, key: string): string | undefined;
}

export interface TenantKeys {
  /** The key that a tenant has of its own with a provider; undefined where none is there. */
  read(tenant: Pick<TenantPolicy, 'tenant' | 'uid'>, provider: string): string | undefined;
}

export interface Source<T> {
  /** `version` is the object's resourceVersion: a number that grows with each of its changes. */
  put(objectName: string, document: T, version?: string): void;
  remove(objectName: string, version?: string): void;
}

/** A budget is the very object that it was for as long as nothing is said of budgets that was not said before. */
export class PolicyDirectory extends Catalogue<TenantPolicy> implements Policies, Source<TenantPolicy> {
  readonly byTenant = this.unique((policy) => [policy.tenant]);
  readonly byNamespace = this.unique((policy) => [policy.namespace]);
  readonly byHost = this.unique((policy) => policy.hosts.map((host) => host.toLowerCase()));

  override put(objectName: string, policy: TenantPolicy): void {
    const before = this.get(objectName);
    const isAsBefore = before !== undefined && isDeepStrictEqual(budgetsOf(before), budgetsOf(policy));
    super.put(objectName, isAsBefore ? { ...policy, budget: before.budget } : policy);
  }
}

const budgetsOf = ({ uid, budget, agents }: TenantPolicy) => [
  uid,
  budget,
  agents.flatMap((agent) => (agent.budget ? [[agent.name, agent.budget]] : [])),
];

export class IssuedKeyDirectory extends Catalogue<IssuedKey> implements IssuedKeys, Source<IssuedKey> {
  readonly ofTenant = this.index((key) => [key.tenant]);
  readonly #byId = this.unique((key) => [keyOf(key.tenant, key.id)]);

  byId(tenant: string, id: string): IssuedKey | undefined {
    return this.#byId(keyOf(tenant, id));
  }
}

export class AccessDirectory extends Catalogue<TenantAccess> implements Access, Source<TenantAccess> {
  readonly issued = new IssuedKeyDirectory();
  readonly byTenant = this.unique((access) => [access.tenant]);
  readonly #byIssuer = this.unique((access) => access.oidc.map(({ issuer, audience }) => keyOf(issuer, audience)));
  readonly #byClaim = this.unique((access) =>
    access.oidc.flatMap(({ issuer, audience, tenantClaim }) =>
      tenantClaim === undefined ? [] : [keyOf(issuer, audience, tenantClaim, access.tenant)],
    ),
  );
  readonly #trusting = this.index((access) => access.oidc.map(({ issuer }) => issuer));

  trustsIssuer(issuer: string): boolean {
    return this.#trusting(issuer).length > 0;
  }

  byClaim(issuer: string, audience: string, claim: string, value: string): TenantAccess | undefined {
    return this.#byClaim(keyOf(issuer, audience, claim, value));
  }

  byIssuer(issuer: string, audience: string): TenantAccess | undefined {
    return this.#byIssuer(keyOf(issuer, audience));
  }
}

export class ProviderDirectory extends Catalogue<ProviderDocument> implements Providers, Source<ProviderDocument> {
  readonly byName = this.unique((provider) => [provider.name]);
}

export class CredentialDirectory implements Credentials, Source<Readonly<Record<string, string>>> {
  readonly #secrets = new Map<string, Readonly<Record<string, string>>>();

  read(secretName: string, key: string): string | undefined {
    return this.#secrets.get(secretName)?.[key];
  }

  put(objectName: string, values: Readonly<Record<string, string>>): void {
    this.#secrets.set(objectName, values);
  }

  remove(objectName: string): void {
    this.#secrets.delete(objectName);
  }
}

export class OwnKeyDirectory extends Catalogue<OwnKeys> implements TenantKeys, Source<OwnKeys> {
  readonly #byTenant = this.unique((own) => [keyOf(own.tenant, own.uid)]);

  read({ tenant, uid }: Pick<TenantPolicy, 'tenant' | 'uid'>, provider: string): string | undefined {
    const keys = this.#byTenant(keyOf(tenant, uid))?.keys ?? {};
    return Object.hasOwn(keys, provider) ? keys[provider] : undefined;
  }
}

/** As JSON, so that no choice of parts makes two keys equal. */
const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts);
