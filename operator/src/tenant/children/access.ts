import { hashApiKey, parseApiKey } from '@cloister/identity';
import {
  canonicalJSON,
  documentKey,
  documentKinds,
  labels,
  scopesOfRole,
  tenantObjectName,
  type ClaimScopes,
  type TenantAccess,
} from '@cloister/tenancy';
import { base64, child, type Child } from '../../child.ts';
import { secrets } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import type { UserRoles } from '../../api/tenant.ts';
import { inMicros } from '../limits.ts';
import type { TenantSnapshot } from '../observe.ts';

/** How callers prove who they are, for edge alone: keys as hashes. */
export const accessDocument = (seen: TenantSnapshot): Child =>
  child(secrets, {
    metadata: {
      name: tenantObjectName(seen.name),
      namespace: seen.configuration.accessNamespace,
      labels: { ...tenantLabels(seen.name), [labels.document]: documentKinds.access },
    },
    type: 'Opaque',
    data: { [documentKey]: base64(canonicalJSON(tenantAccessOf(seen))) },
  });

/** What is doubtful is left out: a secret that is too short, an issuer that another tenant had before. */
export function tenantAccessOf({ name, spec: { access }, apiKeys, sharedSecret, takenIssuers }: TenantSnapshot): TenantAccess {
  return {
    tenant: name,
    apiKeys: access.apiKeys.flatMap((entry) => {
      const key = apiKeys.find((own) => own.name === entry.name)?.key;
      const id = key === undefined ? undefined : parseApiKey(key)?.id;
      if (key === undefined || id === undefined) return [];
      const { name, scopes, rateLimits } = entry;
      return [{ id, name, hash: hashApiKey(key), scopes, expiresAt: utc(entry.expiresAt), rateLimits, budget: inMicros(entry.budget) }];
    }),
    hs256:
      access.hs256 && sharedSecret?.state === 'usable'
        ? { secret: sharedSecret.value, scopes: access.hs256.scopes, roles: claimScopesOf(access.hs256.roles) }
        : undefined,
    oidc: access.oidc.filter((_, index) => !takenIssuers.has(index)).map((entry) => ({ ...entry, roles: claimScopesOf(entry.roles) })),
  };
}

/** Edge hears of scopes alone. */
const claimScopesOf = (roles: UserRoles | undefined): ClaimScopes | undefined =>
  roles && { claim: roles.claim, values: roles.values.map(({ value, role }) => ({ value, scopes: [...scopesOfRole[role]] })) };

const utc = (time: string | undefined): string | undefined => (time === undefined ? undefined : new Date(time).toISOString());
