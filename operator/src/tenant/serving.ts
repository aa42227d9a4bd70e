/** The certificate of a tenant's agents as its reconcile sees it. */
import { annotations, namespaceOf, systemSecrets, tenantSecrets } from '@cloister/tenancy';
import { signerIn } from '../serving/authority-secret.ts';
import { servingCertificate, type ServingCertificate } from '../serving/certificate.ts';
import { secrets, type Secret, type Tenant } from '../kinds.ts';
import { madeAtOf, requestOf } from '../rotation/credential.ts';
import type { BaseObject, Cluster, EventNote } from 'kube-runtime';
import type { TenantStatus } from '../api/tenant.ts';
import type { Caches } from '../caches.ts';
import type { Configuration } from '../settings.ts';

interface ServingWorld {
  readonly caches: Caches;
  readonly configuration: Configuration;
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
}

/** `secret` is the one that is there. */
export async function servingOf(
  { metadata: { name, uid = '', annotations: noted } }: Tenant,
  secret: Secret | undefined,
  { caches, configuration, cluster, signal }: ServingWorld,
): Promise<ServingCertificate | undefined> {
  const { systemNamespace, rotation } = configuration;
  const now = new Date();
  const authority = { namespace: systemNamespace, name: systemSecrets.agentsAuthority };
  return servingCertificate({
    tenant: name,
    secret,
    signer: signerIn(caches.platformSecrets.get(authority.name)?.get(authority), now)?.pair,
    signsNow: async () => signerIn(await cluster.get(secrets, authority, { signal }), now)?.pair,
    due: { maxAgeDays: rotation.servingDays, holder: uid, request: noted?.[annotations.rotate] },
    now,
  });
}

/** Without asking the API server for the Secret: for a tenant whose agents are there already. */
export const keptServing = (tenant: Tenant, world: ServingWorld): Promise<ServingCertificate | undefined> =>
  servingOf(tenant, world.caches.secrets.get({ namespace: namespaceOf(tenant.metadata.name), name: tenantSecrets.serving }), world);

/** What is told of a certificate once it stands in its Secret. It is replaced in one step, since agents follow it. */
export function servingTold(
  { serving }: { readonly serving: ServingCertificate | undefined },
  applied: readonly BaseObject[],
): { readonly credentials: TenantStatus['credentials']; readonly notes: readonly EventNote[] } {
  const object = applied.find(({ kind, metadata }) => kind === secrets.kind && metadata.name === tenantSecrets.serving);
  if (!object) return { credentials: {}, notes: [] };
  const message = 'agents have a new serving certificate, without a restart';
  return {
    credentials: { serving: { since: madeAtOf(object).toISOString(), madeFor: requestOf(object) } },
    notes: serving?.replaces === true ? [{ type: 'Normal', reason: 'CredentialsRotated', message }] : [],
  };
}
