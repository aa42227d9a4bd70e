/** What only one tenant may have: its host name, and an OIDC audience that names no tenant. The elder keeps it. Pure. */
import { tenantSpec, type TenantSpec } from '../api/tenant.ts';
import type { Tenant } from '../kinds.ts';
import { remembered } from '../remembered.ts';

type Parsed = ReturnType<typeof tenantSpec.safeParse>;

export const parseTenantSpec = remembered((tenant: Tenant): Parsed => tenantSpec.safeParse(tenant.spec));

const specOf = (tenant: Tenant): TenantSpec | undefined => parseTenantSpec(tenant).data;

export const hostOf = (tenant: Tenant, baseDomain: string): string =>
  specOf(tenant)?.network?.host ?? `${tenant.metadata.name}.${baseDomain}`;

const issuerKey = ({ issuer, audience }: { readonly issuer: string; readonly audience: string }): string =>
  JSON.stringify([issuer, audience]);

/** Every issuer and audience that this tenant's users come from, as keys of an index. */
export const issuersOf = (tenant: Tenant): string[] => (specOf(tenant)?.access.oidc ?? []).map(issuerKey);

/** By creation, then by UID, so that every replica and every run chooses the same. */
const order = ({ metadata }: Tenant): string => `${metadata.creationTimestamp ?? ''} ${metadata.uid ?? ''}`;
export const eldersOf = (one: Tenant, all: readonly Tenant[]): Tenant[] =>
  all.filter((other) => other.metadata.uid !== one.metadata.uid && order(other) < order(one));

/**
 * Positions in spec.access.oidc that an elder tenant stands against, by the name of that tenant. Two may share an issuer and audience
 * as long as both tell their users apart by a claim; one that does not would let in the other's users.
 */
export function takenIssuers(tenant: Tenant, sharing: (key: string) => readonly Tenant[]): ReadonlyMap<number, string> {
  const taken = new Map<number, string>();
  for (const [index, entry] of (specOf(tenant)?.access.oidc ?? []).entries()) {
    const key = issuerKey(entry);
    const unnamed = (other: Tenant) =>
      (specOf(other)?.access.oidc ?? []).some((own) => issuerKey(own) === key && own.tenantClaim === undefined);
    const elder = eldersOf(tenant, sharing(key)).find((other) => entry.tenantClaim === undefined || unnamed(other));
    if (elder) taken.set(index, elder.metadata.name);
  }
  return taken;
}
