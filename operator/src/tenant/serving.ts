/** The certificate of a tenant's agents as its reconcile sees it. */
import { annotations, namespaceOf, systemSecrets, tenantSecrets } from '@cloister/tenancy';
import { authoritiesIn } from '../serving/authority-secret.ts';
import { servingCertificate, type ServingCertificate } from '../serving/certificate.ts';
import type { Secret, Tenant } from '../kinds.ts';
import type { Caches } from '../caches.ts';
import type { Configuration } from '../settings.ts';

/** `secret` is the one that is there. */
export async function servingOf(
  { metadata: { name, uid = '', annotations: noted } }: Tenant,
  secret: Secret | undefined,
  { caches, configuration }: { readonly caches: Caches; readonly configuration: Configuration },
): Promise<ServingCertificate | undefined> {
  const { systemNamespace, rotation } = configuration;
  const now = new Date();
  const authority = caches.platformSecrets
    .get(systemSecrets.agentsAuthority)
    ?.get({ namespace: systemNamespace, name: systemSecrets.agentsAuthority });
  return servingCertificate({
    tenant: name,
    secret,
    signer: authoritiesIn(authority, now).signer?.pair,
    due: { maxAgeDays: rotation.servingDays, holder: uid, request: noted?.[annotations.rotate] },
    now,
  });
}

/** Without asking the API server: for a tenant whose agents are there already. */
export const keptServing = (tenant: Tenant, world: Parameters<typeof servingOf>[2]): Promise<ServingCertificate | undefined> =>
  servingOf(tenant, world.caches.secrets.get({ namespace: namespaceOf(tenant.metadata.name), name: tenantSecrets.serving }), world);
